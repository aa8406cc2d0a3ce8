from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vos.errors import VosError
from vos.evaluation.davis import DavisSequence, read_annotation, read_dataset
from vos.evaluation.scoring import protocol, score_results

SaveLabels = Callable[[Path, np.ndarray], None]


def test_split_gives_the_sequences_in_the_order_of_its_list(davis: tuple[Path, Path]) -> None:
    sequences = read_dataset(davis[0], 2017, "val")
    assert [sequence.name for sequence in sequences] == ["shapes14", "shapes3"]
    assert [len(sequence.images()) for sequence in sequences] == [14, 3]
    assert [path.name for path in sequences[1].scored] == ["00001.png"]
    assert [sequence.name for sequence in read_dataset(davis[0], 2017, "val", only=["shapes3"])] == ["shapes3"]


def test_first_release_of_2016_lists_files(davis: tuple[Path, Path]) -> None:
    (davis[0] / "ImageSets/2016/val.txt").unlink()
    (davis[0] / "ImageSets/480p").mkdir()
    pairs = "".join(f"/JPEGImages/480p/shapes3/{i:05d}.jpg /Annotations/480p/shapes3/{i:05d}.png\n" for i in range(3))
    (davis[0] / "ImageSets/480p/val.txt").write_text(pairs)
    assert [sequence.name for sequence in read_dataset(davis[0], 2016, "val")] == ["shapes3"]


def test_2016_merges_everything_into_one_object(davis: tuple[Path, Path], save_labels: SaveLabels) -> None:
    (sequence,) = read_dataset(davis[0], 2016, "val", only=["shapes3"])
    assert max(sequence.objects()) == 1
    np.testing.assert_array_equal(np.unique(sequence.reference()), [0, 1])
    save_labels(davis[0] / "mask.png", np.array([[0, 255], [3, 0]], np.uint8))
    np.testing.assert_array_equal(read_annotation(davis[0] / "mask.png", 2016), [[0, 1], [1, 0]])


def test_2017_counts_objects_in_the_first_annotation_and_void_is_background(
    davis: tuple[Path, Path], save_labels: SaveLabels
) -> None:
    (sequence,) = read_dataset(davis[0], 2017, "val", only=["shapes3"])
    assert read_annotation(sequence.annotations[0], 2017)[0, 0] == 0  # 255 in the file
    assert max(sequence.objects()) == 3
    later = np.zeros((240, 320), np.uint8)
    later[5:9] = 9
    save_labels(sequence.annotations[1], later)
    assert max(sequence.objects()) == 3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda root: root.rename(root.with_name("moved")), "DAVIS does not exist"),
        (lambda root: (root / "ImageSets/2017/val.txt").rename(root / "ImageSets/2017/dev.txt"), r"val.*2017: dev"),
        (lambda root: (root / "ImageSets/2017/val.txt").write_text("\n"), "names no sequence"),
        (lambda root: (root / "ImageSets/2017/val.txt").write_text("shapes99\n"), "sequence shapes99 has 0"),
        (
            lambda root: [(root / f"Annotations/480p/shapes3/0000{i}.png").unlink() for i in (1, 2)],
            "shapes3 has 1 annotations",
        ),
    ],
)
def test_what_is_missing_is_named(davis: tuple[Path, Path], change: Callable[[Path], object], named: str) -> None:
    change(davis[0])
    with pytest.raises(VosError, match=named):
        read_dataset(davis[0], 2017, "val")


def test_unknown_year_and_sequence_are_named(davis: tuple[Path, Path]) -> None:
    with pytest.raises(VosError, match=r"2019.*2016, 2017"):
        read_dataset(davis[0], 2019, "val")
    with pytest.raises(VosError, match=r"bear is not in split val.*shapes14, shapes3"):
        read_dataset(davis[0], 2017, "val", only=["bear"])


def test_missing_image_and_empty_reference_are_named(davis: tuple[Path, Path], save_labels: SaveLabels) -> None:
    sequence = read_dataset(davis[0], 2017, "val")[0]
    (davis[0] / "JPEGImages/480p/shapes14/00005.jpg").unlink()
    with pytest.raises(VosError, match=r"00005\.jpg is missing"):
        sequence.images()
    save_labels(sequence.annotations[0], np.full((240, 320), 255, np.uint8))
    with pytest.raises(VosError, match=r"00000\.png shows no object but void \(255\).*dataset=davis2016"):
        max(sequence.objects())


@pytest.fixture
def sparse(davis: tuple[Path, Path], save_labels: SaveLabels) -> DavisSequence:
    """Eleven frames after two that come before the first annotation; every fifth is annotated; object 7 enters late."""
    for index in range(13):
        image = davis[0] / f"JPEGImages/480p/late/{index:05d}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6)).save(image)
    for index, ids in ((2, (2,)), (7, (2, 7)), (12, (7,))):
        labels = np.zeros((6, 8), np.uint8)
        for column, object_id in enumerate(ids):
            labels[1:3, 2 * column : 2 * column + 2] = object_id
        path = davis[0] / f"Annotations/480p/late/{index:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_labels(path, labels)
    (davis[0] / "ImageSets/2017/val.txt").write_text("late\n")
    (sequence,) = read_dataset(davis[0], 2017, "val")
    return sequence


def test_every_frame_of_a_sparse_sequence_is_tracked_and_the_annotated_ones_count(sparse: DavisSequence) -> None:
    assert sparse.is_sparse
    assert [path.stem for path in sparse.images()] == [f"{index:05d}" for index in range(2, 13)]
    assert [path.stem for path in sparse.scored] == ["00007", "00012"]
    assert sparse.objects() == {2: 0, 7: 1}
    (first, labels), (second, later) = sparse.given()
    assert (first, second) == (0, 1)
    assert set(np.unique(labels)) == {0, 2}
    assert set(np.unique(later)) == {0, 7}, "the object that is followed already is not given again"


def test_sparse_objects_are_scored_after_the_frame_that_is_given_of_them(sparse: DavisSequence, tmp_path: Path) -> None:
    shutil.copytree(sparse.annotations[0].parent, tmp_path / "results/late")
    scores = score_results([sparse], tmp_path / "results")
    assert [(score.object_id, len(score.j_per_frame)) for score in scores] == [(2, 2), (7, 1)]
    assert {score.j_mean for score in scores} == {1.0}
    assert protocol([sparse]).startswith("YouTube-VOS")


def test_the_protocol_is_said_of_each(davis: tuple[Path, Path], sparse: DavisSequence) -> None:
    (davis[0] / "ImageSets/2017/val.txt").write_text("shapes3\n")
    (dense,) = read_dataset(davis[0], 2017, "val")
    assert not dense.is_sparse
    assert protocol([dense]).startswith("DAVIS")
    assert "(late); DAVIS" in protocol([dense, sparse])


def test_files_without_labels_are_named(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "color.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "color.png").read_bytes()[:50])
    (tmp_path / "text.png").write_text("hello")
    for name in ("color.png", "cut.png", "text.png"):
        with pytest.raises(VosError, match=name):
            read_annotation(tmp_path / name, 2017)
