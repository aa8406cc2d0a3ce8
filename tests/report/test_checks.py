"""The list of frames to look at: the wrong ones come first, given ones never."""

from __future__ import annotations

import math

import numpy as np
import pytest
from moving_square import SIZE, clip, square

from vos.report import checks
from vos.report.checks import FrameChecks
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame


def ranked(results: list[SegmentedFrame], given: tuple[int, ...] = (0,)) -> list[checks.Check]:
    judge = FrameChecks(given)
    for result in results:
        judge.add(result)
    return judge.ranked()


def test_the_fifth_that_looks_worst_is_listed_worst_first() -> None:
    wrong = {7: {"score": 0.2, "side": 6}, 15: {"score": 0.5}, 18: {"x": None, "shown": True}}
    found = ranked(list(clip(26, wrong)))
    assert len(found) == math.ceil(0.2 * 26)
    assert {each.index for each in found[:3]} == {7, 18, 15}
    assert found == sorted(found, key=lambda each: -each.doubt)
    (fell,) = (each for each in found if each.index == 7)
    assert "predicted IoU" in fell.reason or "the area fell by 91 %" in fell.reason
    assert fell.entry() == {
        "time": 0.28,
        "frame": "00007",
        "index": 7,
        "object": 1,
        "doubt": round(fell.doubt, 4),
        "reason": fell.reason,
    }
    assert fell.line() == f"0.28 s, frame 00007, object_1: {fell.reason}"


def test_given_frames_are_never_listed() -> None:
    wrong = {3: {"score": 0.1, "side": 4}}
    assert ranked(list(clip(10, wrong)))[0].index == 3
    assert 3 not in [each.index for each in ranked(list(clip(10, wrong)), given=(0, 3))]
    assert ranked(list(clip(4)), given=(0, 1, 2, 3)) == []


def test_an_object_that_nobody_has_seen_is_not_missed() -> None:
    assert ranked([square(index, None) for index in range(5)], given=()) == []


def test_the_worst_object_speaks_for_its_frame() -> None:
    results = []
    for index, score in enumerate((1.0, 0.9, 0.3)):
        labels = np.zeros(SIZE, np.uint8)
        labels[5:15, 5:15], labels[30:50, 30:50] = 2, 7
        frame = Frame(index, f"{index}", float(index), np.full((*SIZE, 3), 90, np.uint8))
        scores = np.array([score, 1.0], np.float32)
        presences = (Presence.PRESENT,) * 2
        results.append(SegmentedFrame(frame, LabelMap(labels, (2, 7)), scores, presences, names={2: "rex"}))
    (worst,) = ranked(results)
    assert (worst.index, worst.object_id, worst.object_name) == (2, 2, "rex")


def test_of_a_long_video_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ranked(list(clip(60, {k: {"score": 0.3 + k / 100} for k in range(5, 40)})))
    monkeypatch.setattr(checks, "MOST", 5)
    assert ranked(list(clip(60, {k: {"score": 0.3 + k / 100} for k in range(5, 40)}))) == whole[:5]
