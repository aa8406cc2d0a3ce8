"""Which passes there are, with which frames, and when their state is saved."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import ListSource, RedTracker, square_clip, square_mask

import vos.video.direction
from vos.errors import VosError
from vos.video.direction import check_positions, plan
from vos.video.reference import Reference
from vos.video.resume import ResumeState
from vos.video.saved import Checkpoint


def references(*at: int) -> list[Reference]:
    return [Reference(index, square_mask(index)) for index in at]


def test_from_frame_0_there_is_one_pass() -> None:
    (forward,) = plan(ListSource(square_clip(6)), references(0, 4), None, 1)
    frames = list(forward.frames())
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [frame.index for frame in frames if forward.reference_at(frame) is not None] == [0, 4]
    assert all(forward.has_result(frame) for frame in frames)


def test_from_a_later_frame_backward_comes_first_and_leaves_the_reference_to_forward(tmp_path: Path) -> None:
    with ResumeState(tmp_path / "resume") as saved:
        backward, forward = plan(ListSource(square_clip(6)), references(2, 4), saved, 1)
        assert (backward.is_backward, forward.is_backward) == (True, False)
        assert (backward.saved, forward.saved) == (saved.backward, saved.forward)
    frames = list(backward.frames())
    assert [frame.index for frame in frames] == [2, 1, 0]
    assert [backward.has_result(frame) for frame in frames] == [False, True, True]
    assert [frame.index for frame in forward.frames()] == [2, 3, 4, 5]


def test_a_pass_goes_on_after_the_frames_that_the_tracker_had_seen(tmp_path: Path) -> None:
    with ResumeState(tmp_path / "resume") as saved:
        saved.backward.save(Checkpoint(2))
        saved.forward.save(Checkpoint(3))
    with ResumeState(tmp_path / "resume") as saved:
        backward, forward = plan(ListSource(square_clip(9)), references(4), saved, 1)
    assert [frame.index for frame in backward.frames()] == [2, 1, 0]
    assert [frame.index for frame in forward.frames()] == [7, 8]


def test_references_out_of_reach_are_refused() -> None:
    with pytest.raises(VosError, match="objects shown in frame 2 need a video file or folder"):
        check_positions(ListSource(square_clip(6), is_live=True), references(2))
    with pytest.raises(VosError, match="no frame 8"):
        check_positions(ListSource(square_clip(6)), references(0, 8))
    assert check_positions(ListSource(square_clip(6)), references(0, 4)) == [0, 4]


def test_states_are_saved_where_a_batch_ends_and_not_more_often_than_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("vos.video.direction.time.monotonic", lambda: now)
    with ResumeState(tmp_path / "resume") as saved:
        (forward,) = plan(ListSource(square_clip(30)), references(0), saved, 4)
        due = []
        with pytest.raises(RuntimeError), forward.resumable(RedTracker()):
            for index in range(24):
                with forward.next_frame():
                    now += vos.video.direction.STATE_INTERVAL / 6
                if (checkpoint := forward.checkpoint_if_due(RedTracker())) is not None:
                    due.append((index + 1, checkpoint.consumed))
            raise RuntimeError
    assert due == [(8, 8), (16, 16), (24, 24)]


def test_states_that_take_long_are_saved_more_rarely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("vos.video.direction.time.monotonic", lambda: now)
    with ResumeState(tmp_path / "resume") as saved:
        (forward,) = plan(ListSource(square_clip(30)), references(0), saved, 1)
        with pytest.raises(RuntimeError), forward.resumable(RedTracker()):
            saved.forward.seconds = 3 * vos.video.direction.STATE_SECONDS
            now += 2.9 * vos.video.direction.STATE_INTERVAL
            assert forward.checkpoint_if_due(RedTracker()) is None
            now += 0.2 * vos.video.direction.STATE_INTERVAL
            assert forward.checkpoint_if_due(RedTracker()) is not None
            raise RuntimeError


def test_without_a_place_to_keep_it_there_is_no_state() -> None:
    (forward,) = plan(ListSource(square_clip(3)), references(0), None, 1)
    assert forward.checkpoint_if_due(RedTracker()) is None


def test_a_video_without_its_reference_frame_is_an_error() -> None:
    (forward,) = plan(ListSource(square_clip(3)), references(0), None, 1)
    with pytest.raises(VosError, match="no frame 0"), forward.resumable(RedTracker()):
        pass
