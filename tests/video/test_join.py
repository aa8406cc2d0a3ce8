"""Several references: objects tracked from both sides, late ones, and what a correction leaves as it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fakes import Collector, ListSource, RedTracker, square_clip, square_mask
from following import BatchSegmenter

import vos.video.direction
from vos.structures import Frame, ImageEmbedding, LabelMap, Presence, TrackedFrame
from vos.video.join import BackwardPass, LowResMasks, backward_passes, join
from vos.video.pipeline import VideoPipeline, frames_again, segment_video
from vos.video.reference import Reference
from vos.video.resume import ResumeState
from vos.video.saved import SavedPass

PRESENT, UNCERTAIN, ABSENT = Presence.PRESENT, Presence.UNCERTAIN, Presence.ABSENT


def shows(index: int, *ids: int) -> Reference:
    """A mask with one pixel per object."""
    labels = np.zeros((4, 8), np.uint8)
    labels[0, : len(ids)] = ids
    return Reference(index, LabelMap(labels, tuple(sorted({1, 2, 3, *ids}))))


def test_every_object_is_tracked_between_its_own_references() -> None:
    references = [shows(0, 1), shows(10, 1, 2), shows(20, 2), shows(30, 1)]
    passes = backward_passes(references, [0, 10, 20, 30], both_sides=True, add_backward=False)
    assert passes == [BackwardPass(10, 1, {1: 0}), BackwardPass(20, 11, {2: 10}), BackwardPass(30, 11, {1: 10})]
    assert [passes[0].share(1, p) for p in (0, 1, 5, 9, 10, 11)] == [0, 0.1, 0.5, 0.9, 0, 0]
    assert passes[0].share(2, 5) == 0
    assert [passes[2].share(1, p) for p in (10, 15, 20, 29)] == [0, 0.25, 0.5, 0.95]


def test_an_object_that_comes_late_is_followed_backward_on_demand_only() -> None:
    references, positions = [shows(3, 1), shows(10, 2), shows(20, 1, 2, 3)], [3, 10, 20]
    assert backward_passes(references, positions, both_sides=False, add_backward=False) == []
    passes = backward_passes(references, positions, both_sides=False, add_backward=True)
    assert passes == [BackwardPass(10, 0, {2: -1}), BackwardPass(20, 0, {3: -1})]
    assert [passes[0].share(2, p) for p in (0, 3, 9, 10)] == [1, 1, 1, 0]
    both = backward_passes(references, positions, both_sides=True, add_backward=True)
    assert both == [BackwardPass(10, 0, {2: -1}), BackwardPass(20, 0, {1: 3, 2: 10, 3: -1})]
    assert [both[1].share(i, 2) for i in (1, 2, 3)] == [0, 0, 1]


def test_one_reference_has_no_further_pass() -> None:
    assert backward_passes([shows(4, 1, 2)], [4], both_sides=True, add_backward=True) == []


def masks(levels: list[int], predicted_iou: list[float], presence: tuple[Presence, ...]) -> LowResMasks:
    rejected = np.float32([0.6 if each is ABSENT else 0.0 for each in presence])
    return LowResMasks(np.uint8(levels).reshape(-1, 1, 1), np.float32(predicted_iou), presence, rejected)


def test_answers_are_mixed_by_their_distance_in_time() -> None:
    forward = masks([255, 200, 0], [0.8, 0.6, 0.0], (PRESENT, PRESENT, ABSENT))
    backward = masks([55, 100, 255], [0.4, 0.2, 0.9], (PRESENT, UNCERTAIN, PRESENT))
    passes = [(BackwardPass(8, 1, {1: 0, 2: 4, 3: -1}), backward)]
    joined = join(forward, passes, 2, (1, 2, 3))
    np.testing.assert_allclose(joined.logits.sigmoid().flatten() * 255, [205, 200, 255], atol=0.01)
    np.testing.assert_allclose(joined.predicted_iou, [0.7, 0.6, 0.9], rtol=1e-6)
    assert joined.presence == (PRESENT, PRESENT, PRESENT)
    assert joined.rejected_iou is not None
    assert joined.rejected_iou.tolist() == pytest.approx([0, 0, 0])
    assert join(forward, [], 2, (1, 2, 3)).rejected_iou.tolist() == pytest.approx([0, 0, 0.6])  # type: ignore[union-attr]
    later = join(forward, passes, 6, (1, 2, 3))
    np.testing.assert_allclose(later.logits.sigmoid().flatten() * 255, [105, 150, 255], atol=0.01)
    assert later.presence == (ABSENT, UNCERTAIN, PRESENT)
    assert later.predicted_iou.tolist() == pytest.approx([0.0, 0.4, 0.9])


def test_what_is_kept_of_a_frame_is_close_to_it() -> None:
    logits = torch.linspace(-12, 12, 50).reshape(2, 5, 5)
    kept = LowResMasks.of(TrackedFrame(logits, torch.tensor([0.5, 1.0]), (PRESENT, ABSENT)))
    np.testing.assert_allclose(kept.probabilities / 255, logits.sigmoid(), atol=0.002)
    assert (kept.predicted_iou.tolist(), kept.presence) == ([0.5, 1.0], (PRESENT, ABSENT))
    assert kept.rejected_iou.tolist() == [0, 0]
    told = TrackedFrame(logits, torch.tensor([0.5, 0.0]), (PRESENT, ABSENT), rejected_iou=torch.tensor([0.0, 0.7]))
    assert LowResMasks.of(told).rejected_iou.tolist() == pytest.approx([0, 0.7])


class Learner(RedTracker):
    """What it has been given changes all that follows."""

    def add_reference(self, embedding: ImageEmbedding, reference: LabelMap, frame: Frame) -> TrackedFrame:
        tracked = super().add_reference(embedding, reference, frame)
        self.previous = self.previous + frame.index / 4
        return tracked


def follow(
    at: tuple[int, ...],
    resume: ResumeState | None = None,
    *,
    batch_size: int = 1,
    both_sides: bool = True,
    add_backward: bool = False,
    tracker: RedTracker | None = None,
    count: int = 16,
) -> tuple[Collector, RedTracker]:
    """Follows the square from its masks in the frames ``at``."""
    collector, tracker = Collector(), tracker or Learner()
    pipeline = VideoPipeline(
        BatchSegmenter(), tracker, [collector], batch_size, both_sides=both_sides, add_backward=add_backward
    )
    references = [Reference(i, square_mask(i)) for i in at]
    source = ListSource(square_clip(count))
    segment_video(source, references, pipeline, resume)
    if not tracker.calls or resume is not None:
        return collector, tracker
    again = frames_again(source, references, pipeline)
    assert len(tracker.calls) == count + again + (at[0] > 0)
    return collector, tracker


def given(*at: int) -> list[tuple[int, str]]:
    return [(index, "mask") for index in at]


def test_frames_between_two_masks_are_tracked_from_both_sides_and_written_once_in_order() -> None:
    collector, tracker = follow((2, 6, 9), count=12)
    assert [r.frame.index for r in collector.results] == list(range(12))
    steps = [call if name != "step" else index for name, index in tracker.calls for call in [(name, index)]]
    first = [("start", 2), 1, 0, ("start", 2), 3, 4, 5, ("add_reference", 6), 5, 4, 3]
    assert steps == [*first, 7, 8, ("add_reference", 9), 8, 7, 10, 11]
    alone, _ = follow((2, 6, 9), count=12, both_sides=False)
    differing = [k for k, (a, b) in enumerate(zip(collector.digest(), alone.digest())) if a != b]
    assert differing == [3, 4, 5, 7, 8]


def test_what_no_other_pass_and_no_later_run_needs_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    append, kept = SavedPass.append, Counter[str]()

    def counted(self: SavedPass, *arguments: Any) -> None:
        kept[self.name] += 1
        append(self, *arguments)

    monkeypatch.setattr(SavedPass, "append", counted)
    follow((2, 6), count=12)
    assert kept == {"backward": 2, "forward": 5, "from-6": 3}


def test_the_forward_pass_goes_on_as_if_there_had_been_none_back() -> None:
    (both, _), (alone, _) = (follow((0, 8), both_sides=both_sides) for both_sides in (True, False))
    assert both.digest()[8:] == alone.digest()[8:]
    assert both.digest()[0] == alone.digest()[0]


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("stop", range(1, 32, 2))
def test_interrupted_in_any_pass_the_next_run_ends_with_the_same_bits(
    batch_size: int, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Learner):
        def _next(self, *arguments: object):  # type: ignore[no-untyped-def, override]
            if len(self.calls) == stop:
                raise KeyboardInterrupt
            return super()._next(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(vos.video.direction, "STATE_INTERVAL", 0.0)
    at = (3, 8, 13)
    whole, straight = follow(at, batch_size=batch_size)
    assert len(straight.calls) == 16 + 1 + 4 + 4
    with ResumeState(tmp_path / "resume", "same", given(*at)) as resume:
        if stop < len(straight.calls):
            with pytest.raises(KeyboardInterrupt):
                follow(at, resume, batch_size=batch_size, tracker=Interrupted())
        else:
            follow(at, resume, batch_size=batch_size)
    with ResumeState(tmp_path / "resume", "same", given(*at)) as resume:
        collector, tracker = follow(at, resume, batch_size=batch_size)
    assert len(tracker.calls) <= len(straight.calls) - stop + batch_size or stop >= len(straight.calls)
    assert collector.digest() == whole.digest()


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(
    ("before", "after", "least"),
    [
        ((0,), (0, 9), 9),
        ((0, 12), (0, 5, 12), 5),
        ((0, 5, 12), (0, 5), 12),
        ((4, 8), (4, 8, 12), 12),
        ((0, 9), (0,), 9),
    ],
)
def test_a_correction_redoes_only_what_it_can_change(
    before: tuple[int, ...],
    after: tuple[int, ...],
    least: int,
    batch_size: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vos.video.direction, "STATE_INTERVAL", 0.0)
    monkeypatch.setattr("vos.video.saved.EARLIER_MOST", 100)
    with ResumeState(tmp_path / "resume", "same", given(*before)) as resume:
        follow(before, resume, batch_size=batch_size)
        resume.keep("same")
    whole, _ = follow(after, batch_size=batch_size)
    with ResumeState(tmp_path / "resume", "same", given(*after)) as resume:
        assert resume.is_corrected
        collector, tracker = follow(after, resume, batch_size=batch_size)
    assert collector.digest() == whole.digest()
    forward = [index for k, (_, index) in enumerate(tracker.calls) if k == 0 or index > tracker.calls[k - 1][1]]
    assert min(forward) > least - batch_size - 1, "frames before the earliest change are not tracked forward again"
    assert not [call for call in tracker.calls if call[0] == "start"], "nor is the first reference learned again"


@pytest.mark.parametrize("change", ["first", "mask", "fingerprint"])
def test_another_beginning_is_another_run(change: str, tmp_path: Path) -> None:
    with ResumeState(tmp_path / "resume", "same", [(0, "mask"), (9, "mask")]) as resume:
        follow((0, 9), resume)
    others = {"first": ("same", [(1, "mask"), (9, "mask")]), "mask": ("same", [(0, "other"), (9, "mask")])}
    with ResumeState(tmp_path / "resume", *others.get(change, ("other", [(0, "mask"), (9, "mask")]))) as resume:
        assert resume.resumed == 0
        assert not resume.is_corrected


def test_earlier_states_are_few_and_lie_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vos.video.direction, "STATE_INTERVAL", 0.0)
    monkeypatch.setattr("vos.video.saved.EARLIER_MOST", 6)
    with ResumeState(tmp_path / "resume", "same", given(0)) as resume:
        follow((0,), resume, count=30)
    kept = sorted(int(path.stem.split("-")[1]) for path in (tmp_path / "resume").glob("forward-*.state"))
    assert len(kept) == 6
    assert kept[0] == 1
    assert kept[-1] == 30
    assert max(np.diff(kept)) <= 16


def test_damaged_earlier_states_are_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vos.video.direction, "STATE_INTERVAL", 0.0)
    with ResumeState(tmp_path / "resume", "same", given(0)) as resume:
        follow((0,), resume)
    for path in (tmp_path / "resume").glob("forward-*.state"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with ResumeState(tmp_path / "resume", "same", given(0, 8)) as resume:
        assert resume.is_damaged
        assert resume.resumed == 0
        assert follow((0, 8), resume)[0].digest() == follow((0, 8))[0].digest()
