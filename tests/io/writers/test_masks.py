"""Hard masks, as DAVIS' and COCO's tools read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from segmentations import IDS, segmented, write_all

from vos.errors import VosError
from vos.io.frames import open_frames
from vos.io.masks.label_map import read_label_map
from vos.io.writers import MaskWriter, RleWriter


def test_masks_are_label_maps_named_after_frames(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=4))) as source:
        write_all(MaskWriter(tmp_path / "masks"), source)
        for frame in source:
            assert np.array_equal(
                read_label_map(tmp_path / "masks" / f"{frame.name}.png").labels, segmented(frame).label_map.labels
            )
        (tmp_path / "masks" / ".DS_Store").touch()  # somebody has looked into the folder on a Mac
        write_all(MaskWriter(tmp_path / "masks"), source, 0, 2)  # a shorter second run leaves nothing of the first
    assert sorted(p.name for p in (tmp_path / "masks").iterdir()) == ["00000.png", "00001.png"]


def test_masks_do_not_replace_a_folder_of_other_things(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(VosError, match=r"notes\.txt"):
        MaskWriter(tmp_path)
    with pytest.raises(VosError, match="is a file"):
        MaskWriter(tmp_path / "notes.txt")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools with numpy 2
def test_rle_is_what_coco_tools_read(make_clip: Any, tmp_path: Path) -> None:
    from pycocotools import mask as coco_mask

    with open_frames(str(make_clip("a.mp4", count=4))) as source:
        write_all(RleWriter(tmp_path / "r.json"), source)
        entries = json.loads((tmp_path / "r.json").read_text())
        assert [(e["image_id"], e["category_id"]) for e in entries] == [(f, o) for f in range(4) for o in IDS]
        for entry in entries:
            frame = segmented(source.frame(entry["image_id"]))
            truth = frame.label_map.labels == entry["category_id"]
            assert np.array_equal(coco_mask.decode(entry["segmentation"]) > 0, truth)
            assert entry["area"] == truth.sum()
            k = IDS.index(entry["category_id"])
            assert entry["score"] == pytest.approx(frame.predicted_iou[k])
            assert entry["presence"] == frame.presence[k]
            if truth.any():
                ys, xs = np.nonzero(truth)
                width, height = xs.max() - xs.min() + 1, ys.max() - ys.min() + 1
                assert entry["bbox"] == [xs.min(), ys.min(), width, height]
