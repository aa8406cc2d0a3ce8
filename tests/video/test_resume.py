"""Interrupted, killed and short of space: the next run goes on, and ends with the same bits."""

from __future__ import annotations

import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from fakes import Collector, RedTracker, square_clip, square_mask
from following import follow

import vos.video.direction
from vos.stages import WriteBehind
from vos.structures import Frame, Presence, SegmentedFrame
from vos.video.join import LowResMasks
from vos.video.resume import ResumeState
from vos.video.saved import Checkpoint, SavedPass

COUNT = 20  # frames


class Interrupted(RedTracker):
    """Ctrl-C in the ``stop``-th call, when the tracker has begun to change."""

    def __init__(self, stop: int) -> None:
        super().__init__()
        self.stop = stop

    def _next(self, *arguments: object):  # type: ignore[no-untyped-def, override]
        if len(self.calls) == self.stop:
            self.previous = self.previous + 1000
            raise KeyboardInterrupt
        return super()._next(*arguments)  # type: ignore[arg-type]


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is saved as often as that is possible."""
    monkeypatch.setattr(vos.video.direction, "STATE_INTERVAL", 0.0)


def same(one: Collector, other: Collector) -> bool:
    return one.digest() == other.digest() and [r.presence for r in one.results] == [r.presence for r in other.results]


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("start", [0, 9])
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("stop", [0, 1, 2, 6, 9, 10, 11, 17])
def test_an_interrupted_run_goes_on_and_ends_with_the_same_bits(
    start: int, batch_size: int, stop: int, tmp_path: Path
) -> None:
    options = {"count": COUNT, "at": (start,), "batch_size": batch_size, "with_alpha": True}
    whole, straight = follow(**options)  # type: ignore[arg-type]
    with ResumeState(tmp_path / "resume", "same") as resume, pytest.raises(KeyboardInterrupt):
        follow(**options, resume=resume, tracker=Interrupted(stop))  # type: ignore[arg-type]
    with ResumeState(tmp_path / "resume", "same") as resume:
        assert resume.resumed >= stop - batch_size - 1
        collector, tracker = follow(**options, resume=resume)  # type: ignore[arg-type]
    assert len(tracker.calls) <= len(straight.calls) - stop + batch_size
    assert same(collector, whole)


@pytest.mark.parametrize("start", [0, 9])
@pytest.mark.parametrize("stop", [1, 5, 8])
def test_ctrl_c_waits_for_the_frame_so_that_all_are_kept(start: int, stop: int, tmp_path: Path) -> None:
    class Signalled(RedTracker):
        def _next(self, *arguments: object):  # type: ignore[no-untyped-def, override]
            if len(self.calls) == stop:
                signal.raise_signal(signal.SIGINT)
            return super()._next(*arguments)  # type: ignore[arg-type]

    options = {"count": COUNT, "at": (start,)}
    whole, straight = follow(**options)  # type: ignore[arg-type]
    with ResumeState(tmp_path / "resume", "same") as resume:
        with pytest.raises(KeyboardInterrupt):
            follow(**options, resume=resume, tracker=Signalled())  # type: ignore[arg-type]
        kept = resume.kept
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with ResumeState(tmp_path / "resume", "same") as resume:
        assert resume.resumed == kept > 0
        collector, tracker = follow(**options, resume=resume)  # type: ignore[arg-type]
    assert len(tracker.calls) == len(straight.calls) - stop - 1
    assert same(collector, whole)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("start", [0, 5])
def test_killed_at_any_moment_the_next_run_ends_with_the_same_bits(start: int, batch_size: int, tmp_path: Path) -> None:
    moments: list[Path] = []

    def copy(index: int) -> None:
        """What a kill at this moment leaves on disk; the state first, for it may be older than the results."""
        moments.append(tmp_path / f"killed {len(moments)}")
        moments[-1].mkdir()
        for pattern in ("*.state", "*.results", "fingerprint"):
            for path in (tmp_path / "resume").glob(pattern):
                if not path.name.startswith("."):
                    shutil.copy(path, moments[-1])

    with ResumeState(tmp_path / "resume", "same") as resume:
        whole, _ = follow(11, at=(start,), batch_size=batch_size, resume=resume, on_frame=copy)
    assert len(moments) == 11
    resumed = set()
    for moment in moments:
        for path in moment.glob("*.results"):
            with path.open("ab") as file:
                file.write(b"half a result")
        with ResumeState(moment, "same") as resume:
            resumed.add(resume.resumed)
            assert same(follow(11, at=(start,), batch_size=batch_size, resume=resume)[0], whole)
    assert len(resumed) > 1, "some of them had nothing to begin anew"


@pytest.mark.parametrize("start", [0, 4])
def test_a_run_that_only_had_to_be_written_tracks_nothing(start: int, tmp_path: Path) -> None:
    with ResumeState(tmp_path / "resume", "same") as resume:
        whole, _ = follow(7, at=(start,), resume=resume)
    with ResumeState(tmp_path / "resume", "same") as resume:
        again, tracker = follow(7, at=(start,), resume=resume)
    assert same(again, whole)
    assert tracker.calls == []


def test_ctrl_c_between_two_frames_loses_none(tmp_path: Path) -> None:
    def interrupt(index: int) -> None:
        if index == 6:
            raise KeyboardInterrupt

    with ResumeState(tmp_path / "resume") as resume, pytest.raises(KeyboardInterrupt):
        follow(COUNT, resume=resume, on_frame=interrupt)
    with ResumeState(tmp_path / "resume") as resume:
        assert len(resume.forward) == resume.forward.checkpoint.consumed == 7


@pytest.mark.parametrize("start", [0, 9])
def test_ctrl_c_in_the_middle_of_a_batch_goes_on_with_whole_batches(start: int, tmp_path: Path) -> None:
    def interrupt(index: int) -> None:
        if index == 5:
            raise KeyboardInterrupt

    whole, _ = follow(COUNT, at=(start,), batch_size=4)
    with ResumeState(tmp_path / "resume", "same") as resume, pytest.raises(KeyboardInterrupt):
        follow(COUNT, at=(start,), batch_size=4, resume=resume, on_frame=interrupt)
    with ResumeState(tmp_path / "resume", "same") as resume:
        assert same(follow(COUNT, at=(start,), batch_size=4, resume=resume)[0], whole)


def test_ctrl_c_again_while_the_last_results_are_written_saves_no_state_that_lacks_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there_is_time, leave, left = threading.Event(), WriteBehind.__exit__, []

    class Slow(Collector):
        def write(self, result: SegmentedFrame) -> None:
            there_is_time.wait(10 if result.frame.index == 4 else 0)
            super().write(result)

    def impatient(self: WriteBehind[object], *_: object) -> None:
        left.append(self)
        raise KeyboardInterrupt

    def interrupt(index: int) -> None:
        if index == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(WriteBehind, "__exit__", impatient)
    with ResumeState(tmp_path / "resume") as resume:
        with pytest.raises(KeyboardInterrupt):
            follow(COUNT, resume=resume, collector=Slow(), on_frame=interrupt)
        there_is_time.set()
        leave(left[0], None, None, None)
        assert len(resume.forward) == 7
    with ResumeState(tmp_path / "resume") as resume:
        assert resume.resumed == 1, "that of the reference, saved when it was learned"


def test_another_fingerprint_begins_anew(tmp_path: Path) -> None:
    with ResumeState(tmp_path / "resume", "one") as resume:
        follow(5, resume=resume)
    with ResumeState(tmp_path / "resume", "one") as resume:
        assert resume.resumed == 5
    with ResumeState(tmp_path / "resume", "two") as resume:
        assert resume.resumed == 0


DAMAGES = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "flipped": lambda data: data[:-3] + bytes([data[-3] ^ 16]) + data[-2:],
    "flipped early": lambda data: bytes([data[0] ^ 128]) + data[1:],
    "zeros": lambda data: data[:20] + bytes(len(data) - 20),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["forward.state", "forward.results", "backward.state", "backward.results"])
def test_a_damaged_state_is_begun_again(name: str, damage: str, tmp_path: Path) -> None:
    whole, _ = follow(COUNT, at=(5,))
    with ResumeState(tmp_path / "resume", "same") as resume:
        follow(COUNT, at=(5,), resume=resume)
    path = tmp_path / "resume" / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    with ResumeState(tmp_path / "resume", "same") as resume:
        assert resume.is_damaged
        assert resume.resumed == 0
        assert same(follow(COUNT, at=(5,), resume=resume)[0], whole)
    with ResumeState(tmp_path / "resume", "same") as resume:
        assert not resume.is_damaged
        assert resume.resumed == COUNT


def test_results_are_on_the_disk_before_the_state_that_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name.partition(".results")[0])

    monkeypatch.setattr("os.fsync", fsync)
    with ResumeState(tmp_path / "resume") as resume:
        resume.forward.save(Checkpoint(1, {}))
        assert synced[0] == "forward"
        assert synced[1].startswith(".forward.")  # the state under its temporary name


def test_a_folder_without_any_state_is_removed_with_its_parent_where_that_is_empty(tmp_path: Path) -> None:
    with ResumeState(tmp_path / "out" / "resume"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_half_written_goes_away(tmp_path: Path) -> None:
    (tmp_path / "resume").mkdir()
    (tmp_path / "resume/.forward.0123abcd.partial.state").write_bytes(b"half")
    with ResumeState(tmp_path / "resume") as resume:
        assert [path.name for path in resume.folder.glob(".*")] == []


@pytest.mark.parametrize("with_alpha", [False, True])
def test_results_and_checkpoint_come_back_as_they_were(with_alpha: bool, tmp_path: Path) -> None:
    frames = [Frame(index, f"{index:05d}", index / 25, image) for index, image in enumerate(square_clip(3))]
    presences = (Presence.PRESENT, Presence.UNCERTAIN, Presence.ABSENT)
    alpha = np.arange(48 * 64, dtype=np.uint8).reshape(1, 48, 64) if with_alpha else None
    results = [
        SegmentedFrame(frame, square_mask(frame.index, object_id=200), np.float32([0.1 * k]), (presence,), alpha)
        for k, (frame, presence) in enumerate(zip(frames, presences))
    ]
    direction = SavedPass(tmp_path, "forward")
    levels = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    rejected = np.float32([0.3])
    masks = [LowResMasks(levels + k, each.predicted_iou, each.presence, rejected) for k, each in enumerate(results)]
    for k in range(2):
        direction.append((200,), masks[k], results[k])
    direction.save(Checkpoint(5, {"memory": torch.arange(6.0).reshape(2, 3).T}))
    direction.append((200,), masks[2], None)  # belongs to no state
    direction.close()
    again = SavedPass(tmp_path, "forward")
    assert (len(again), again.checkpoint.consumed, again.checkpoint.done) == (2, 5, False)
    assert torch.equal(again.state()["memory"], torch.arange(6.0).reshape(2, 3).T)
    one, other = Collector(), Collector()
    one.results, other.results = results[:2], [again.read(k, frames[k], (200,)) for k in (1, 0)][::-1]
    assert same(one, other)
    assert [r.label_map.object_ids for r in other.results] == [(200,), (200,)]
    assert [r.rejected_iou for r in other.results] == [rejected, rejected]
    assert again.masks(0, (7, 200)).rejected_iou.tolist() == pytest.approx([0, 0.3])
    np.testing.assert_array_equal(again.masks(1, (200,)).probabilities, levels + 1)
    again.close()
