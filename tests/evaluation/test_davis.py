from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vos.errors import VosError
from vos.evaluation.davis import read_annotation, read_dataset

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
    assert sequence.object_count() == 1
    np.testing.assert_array_equal(np.unique(sequence.reference()), [0, 1])
    save_labels(davis[0] / "mask.png", np.array([[0, 255], [3, 0]], np.uint8))
    np.testing.assert_array_equal(read_annotation(davis[0] / "mask.png", 2016), [[0, 1], [1, 0]])


def test_2017_counts_objects_in_the_first_annotation_and_void_is_background(
    davis: tuple[Path, Path], save_labels: SaveLabels
) -> None:
    (sequence,) = read_dataset(davis[0], 2017, "val", only=["shapes3"])
    assert read_annotation(sequence.annotations[0], 2017)[0, 0] == 0  # 255 in the file
    assert sequence.object_count() == 3
    later = np.zeros((240, 320), np.uint8)
    later[5:9] = 9
    save_labels(sequence.annotations[1], later)
    assert sequence.object_count() == 3


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda root: root.rename(root.with_name("moved")), "DAVIS does not exist"),
        (lambda root: (root / "ImageSets/2017/val.txt").rename(root / "ImageSets/2017/dev.txt"), r"val.*2017: dev"),
        (lambda root: (root / "ImageSets/2017/val.txt").write_text("\n"), "names no sequence"),
        (lambda root: (root / "ImageSets/2017/val.txt").write_text("shapes99\n"), "sequence shapes99 has 0"),
        (lambda root: (root / "Annotations/480p/shapes3/00002.png").unlink(), "shapes3 has 2 annotations"),
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
    with pytest.raises(VosError, match=r"00000\.png shows no object"):
        sequence.object_count()


def test_files_without_labels_are_named(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "color.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "color.png").read_bytes()[:50])
    (tmp_path / "text.png").write_text("hello")
    for name in ("color.png", "cut.png", "text.png"):
        with pytest.raises(VosError, match=name):
            read_annotation(tmp_path / name, 2017)
