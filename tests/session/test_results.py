"""Results on the disk, and which of them hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fakes import square_clip, square_mask

from vos.session.results import FoundResults
from vos.session.validity import Dependencies
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame
from vos.video.join import BackwardPass

FRAME = Frame(3, "00003", 0.12, square_clip(4)[3])


def segmented() -> SegmentedFrame:
    labels = square_mask(3).labels.copy()
    labels[40:44, 50:60] = 4
    presence = (Presence.PRESENT, Presence.ABSENT, Presence.UNCERTAIN)
    rejected = np.array([0, 0.25, 0], np.float32)
    iou = np.array([0.75, 0, 0.5], np.float32)
    return SegmentedFrame(FRAME, LabelMap(labels, (1, 2, 4)), iou, presence, rejected_iou=rejected)


def test_a_result_is_read_as_it_was_found(tmp_path: Path) -> None:
    found, result = FoundResults(tmp_path / "results.db", FRAME.size), segmented()
    found.put(3, "key", result)
    found.put(7, "", result)
    found.close()
    found = FoundResults(tmp_path / "results.db", FRAME.size)
    read = found.get(3, FRAME, (1, 2, 4), {1: "rex"}, "fast")
    assert (read.label_map.labels == result.label_map.labels).all()
    assert read.presence == result.presence
    assert (read.predicted_iou == result.predicted_iou).all()
    assert read.rejected_iou is not None
    assert read.rejected_iou.tolist() == [0, 0.25, 0]
    assert read.name_of(1) == "rex"
    assert {position: each.key for position, each in found.frames.items()} == {3: "key", 7: ""}
    assert found.frames[3].rows["area"].tolist() == [256, 0, 40]
    found.close()


def test_objects_come_and_go(tmp_path: Path) -> None:
    found = FoundResults(tmp_path / "results.db", FRAME.size)
    found.put(3, "key", segmented())
    read = found.get(3, FRAME, (1, 9), {}, "fast")
    assert read.label_map.object_ids == (1, 9)
    assert np.unique(read.label_map.labels).tolist() == [0, 1]
    assert read.presence == (Presence.PRESENT, Presence.ABSENT)
    found.close()


def test_a_damaged_file_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    path.write_bytes(b"no data base at all, but longer than its header would be" * 50)
    found = FoundResults(path, FRAME.size)
    assert found.frames == {}
    found.put(0, "key", segmented())
    found.close()


def test_a_frame_depends_on_what_is_shown_before_it_and_where_it_is_tracked_back_from() -> None:
    given = [(2, "a"), (5, "b"), (8, "c")]
    needs = Dependencies("mark", given, [BackwardPass(5, 3, {1: 2})], 10)
    assert needs.used.tolist() == [1, 1, 1, 2, 2, 2, 2, 2, 3, 3]
    assert needs.reach.tolist() == [0, 1, 2, 5, 5, 5, 6, 7, 8, 9]
    changed = Dependencies("mark", [*given[:2], (8, "d")], needs.passes, 10)
    assert [p for p in range(10) if needs.key(p) != changed.key(p)] == [8, 9]
    other = Dependencies("other", given, needs.passes, 10)
    assert all(needs.key(p) != other.key(p) for p in range(10))
    nothing = Dependencies("mark", [], [], 10)
    assert {nothing.key(p) for p in range(10)} == {""}
