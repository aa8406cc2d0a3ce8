"""COCO and YouTube-VIS, read by the programs that they are for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from vos.io.clip import Clip
from vos.io.forms.cvat import row_runs

from .conftest import COUNT, NAMES, SIZE, Form


def counts_of(run: dict[str, Any]) -> list[int]:
    """Run lengths as numbers, column by column."""
    return row_runs(coco_mask.decode(run).T > 0)


def test_pycocotools_reads_every_mask(written: Callable[..., Form]) -> None:
    form = written("coco")
    data = COCO(str(form.path))
    assert {one["id"]: one["name"] for one in data.loadCats(data.getCatIds())} == NAMES
    images = data.loadImgs(sorted(data.getImgIds()))
    assert [one["file_name"] for one in images] == [f"clip/{index:05d}.jpg" for index in range(COUNT)]
    assert {(one["height"], one["width"]) for one in images} == {SIZE}
    for object_id in NAMES:
        for image, expected in zip(images, form.masks(object_id)):
            found = data.loadAnns(data.getAnnIds(imgIds=image["id"], catIds=object_id))
            assert len(found) == int(expected.any())
            for one in found:
                np.testing.assert_array_equal(data.annToMask(one), expected)
                ys, xs = np.nonzero(expected)
                box = [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
                assert (one["area"], one["bbox"], one["track_id"]) == (expected.sum(), box, object_id)
                assert one["score"] == (0.9 if object_id == 1 else 0.123457)


def test_ids_of_two_clips_differ_and_are_exact_in_every_program(written: Callable[..., Form], tmp_path: Path) -> None:
    first = json.loads(written("coco").path.read_text())
    other = json.loads(written("coco", "other.mkv").path.read_text())
    for kind in ("images", "annotations"):
        ids = [one["id"] for data in (first, other) for one in data[kind]]
        assert len(set(ids)) == len(ids)
        assert max(ids) < 2**53
    assert Clip("a", "f" * 32).numbered(2**24 - 1) < 2**53
    assert first["images"][0]["id"] == json.loads(written("coco").path.read_text())["images"][0]["id"]


def test_trackeval_reads_tracks_and_scores_them(written: Callable[..., Form], tmp_path: Path) -> None:
    trackeval = pytest.importorskip("trackeval", reason="trackeval reads YouTube-VIS: pip install --no-deps trackeval")
    form = written("ytvis")
    (tmp_path / "gt/youtube_vis_train").mkdir(parents=True)
    (tmp_path / "ours/youtube_vis_train/vos/data").mkdir(parents=True)
    data = json.loads(form.path.read_text())
    tracks = data["annotations"]
    (tmp_path / "ours/youtube_vis_train/vos/data/results.json").write_text(json.dumps(tracks))
    for track in tracks:  # ground truth is read with run lengths as numbers alone
        track["segmentations"] = [
            run and {"size": run["size"], "counts": counts_of(run)} for run in track["segmentations"]
        ]
    (tmp_path / "gt/youtube_vis_train/gt.json").write_text(json.dumps(data))
    folders = {"GT_FOLDER": f"{tmp_path}/gt/", "TRACKERS_FOLDER": f"{tmp_path}/ours/", "SPLIT_TO_EVAL": "train"}
    data = trackeval.datasets.YouTubeVIS({**folders, "PRINT_CONFIG": False})
    assert data.seq_list == ["clip"]
    assert data.class_name_to_class_id == {name: i for i, name in NAMES.items()}
    assert set(data.seq_lengths.values()) == {COUNT}
    for i, name in NAMES.items():
        assert [track["id"] for track in tracks] == list(NAMES)
        raw = data.get_raw_seq_data("vos", "clip")
        seen = data.get_preprocessed_seq_data(raw, name)
        assert [len(ids) for ids in seen["tracker_ids"]] == [int(mask.any()) for mask in form.masks(i)]
        assert seen["dt_track_areas"] == [np.mean([mask.sum() for mask in form.masks(i) if mask.any()])]
        assert seen["dt_track_scores"] == [0.9 if i == 1 else 0.123457]
        assert trackeval.metrics.HOTA().eval_sequence(seen)["HOTA(0)"] == 1
