"""The summary: what was run, and a row for every frame."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from segmentations import segmented, write_all

from vos.io.frames import open_frames
from vos.io.writers import MaskWriter, SummaryWriter
from vos.io.written import Written


@pytest.mark.skipif(sys.platform != "linux", reason="files are told by /proc")
def test_the_disk_holds_all_results_before_the_summary_appears(
    make_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".vos").mkdir()
    synced: list[Path] = []

    def fsync(file: int) -> None:
        assert not (tmp_path / "summary.json").exists()
        synced.append(Path(f"/proc/self/fd/{file}").readlink())

    with open_frames(str(make_clip("a.mp4", count=3))) as source, Written(tmp_path).active("a.mp4"):
        with SummaryWriter(tmp_path / "summary.json", {}, dict) as summary, MaskWriter(tmp_path / "masks") as masks:
            for frame in source:
                for writer in (summary, masks):
                    writer.write(segmented(frame))
            monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.undo()
    assert (tmp_path / "summary.json").exists()
    assert {tmp_path / "masks" / f"{index:05d}.png" for index in range(3)} <= set(synced)


def test_rows_tell_area_and_box_of_every_object(make_clip: Any, tmp_path: Path) -> None:
    with open_frames(str(make_clip("a.mp4", count=4))) as source:
        write_all(SummaryWriter(tmp_path / "s.json", {"first": 1}, lambda: {"last": 2}), source)
        summary = json.loads((tmp_path / "s.json").read_text())
        assert (summary["first"], summary["last"]) == (1, 2)
        for row, frame in zip(summary["frames"], source):
            labels = segmented(frame).label_map.labels
            assert (row["frame"], row["time"]) == (frame.name, round(frame.time, 6))
            for object_id in (1, 3):
                ys, xs = np.nonzero(labels == object_id)
                about = row["objects"][str(object_id)]
                assert about["area"] == len(ys)
                corner = [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1] if len(ys) else None
                assert about["box"] == corner
        assert summary["frames"][2]["objects"]["3"] == {
            "predicted_iou": 0.0, "area": 0, "box": None, "presence": "absent",
        }  # fmt: skip
    assert len(summary["frames"]) == 4
