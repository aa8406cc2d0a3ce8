"""There and back along the line: order, references anywhere, interruptions in either pass, live input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from fakes import FRAMES, Collector, ColourSegmenter, ListSource, Program, RedTracker, square_clip, square_mask
from test_run import MASK, VIDEO, tree

import vos.video.pipeline
from vos.errors import VosError
from vos.structures import Frame, ImageEmbedding
from vos.tracking.config import SecondPassConfig
from vos.tracking.second_pass import SecondPass
from vos.tracking.tracked_frame import TrackedFrame
from vos.video.pipeline import Line, segment_video
from vos.video.reference import Reference
from vos.video.resume import Journal

TWICE = SecondPassConfig(enabled=True)


class Interrupted(RedTracker):
    """Ctrl-C in the ``stop``-th call."""

    def __init__(self, stop: int) -> None:
        super().__init__()
        self.stop = stop

    def _next(self, *arguments: object) -> TrackedFrame:  # type: ignore[override]
        if len(self.calls) == self.stop:
            raise KeyboardInterrupt
        return super()._next(*arguments)  # type: ignore[arg-type]


def follow(
    count: int = 12,
    at: tuple[int, ...] = (0,),
    journal: Journal | None = None,
    batch_size: int = 1,
    tracker: RedTracker | None = None,
    source: ListSource | None = None,
) -> tuple[Collector, RedTracker]:
    collector, tracker = Collector(), tracker or RedTracker()
    line = Line(ColourSegmenter(), tracker, [collector], batch_size, with_alpha=True, second_pass=TWICE)
    segment_video(source or ListSource(square_clip(count)), [Reference(i, square_mask(i)) for i in at], line, journal)
    return collector, tracker


@pytest.mark.parametrize("batch_size", [1, 5])
def test_there_and_back_and_every_frame_is_written_once_in_order(batch_size: int) -> None:
    collector, tracker = follow(6, batch_size=batch_size)
    assert [r.frame.index for r in collector.results] == list(range(6))
    there, back = tracker.calls[:6], tracker.calls[6:]
    assert there == [("start", 0), *(("step", k) for k in range(1, 6))]
    assert back == [("turn", -1), *(("step", k) for k in (4, 3, 2, 1)), ("revisit", 0)]
    assert (collector.results[0].label_map.labels == square_mask(0).labels).all()


def test_each_side_of_a_middle_reference_is_gone_over_there_and_back() -> None:
    collector, tracker = follow(8, at=(3, 5))
    assert [r.frame.index for r in collector.results] == list(range(8))
    assert tracker.calls == [
        *(("start", 3), ("step", 2), ("step", 1), ("step", 0), ("turn", -1), ("step", 1), ("step", 2)),
        *(("start", 3), ("step", 4), ("add_reference", 5), ("step", 6), ("step", 7)),
        *(("turn", -1), ("step", 6), ("revisit", 5), ("step", 4), ("revisit", 3)),
    ]
    for k in (3, 5):
        assert (collector.results[k].label_map.labels == square_mask(k).labels).all()


def test_both_answers_count() -> None:
    class Hesitant(RedTracker):
        """Sure of nothing on the way there; on the way back, of an empty picture."""

        def _next(self, *arguments: object) -> TrackedFrame:  # type: ignore[override]
            answer = super()._next(*arguments)  # type: ignore[arg-type]
            turned = ("turn", -1) in self.calls
            logits = torch.full_like(answer.logits, -5.0) if turned else answer.logits
            return TrackedFrame(logits, torch.full((1,), 0.9 if turned else 0.2), answer.presence, answer.given)

    painted = [bool(result.label_map.labels.any()) for result in follow(5, tracker=Hesitant())[0].results]
    assert painted == [True, False, False, False, True], "the ends are the mask given and the first pass's alone"


@pytest.mark.parametrize("count, at", [(1, 0), (2, 0), (2, 1), (5, 4)])
def test_short_clips_and_a_reference_at_the_end(count: int, at: int) -> None:
    assert [r.frame.index for r in follow(count, at=(at,))[0].results] == list(range(count))


@pytest.mark.parametrize("start", [0, 4])
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("stop", [2, 7, 9, 13, 18, 22])
def test_an_interrupted_run_goes_on_and_ends_with_the_same_bits(
    start: int, batch_size: int, stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vos.video.pipeline, "STATE_INTERVAL", 0.0)
    whole, straight = follow(12, at=(start,), batch_size=batch_size)
    with Journal(tmp_path / "journal", "same") as journal, pytest.raises(KeyboardInterrupt):
        follow(12, at=(start,), batch_size=batch_size, journal=journal, tracker=Interrupted(stop))
    with Journal(tmp_path / "journal", "same") as journal:
        assert 0 < journal.resumed <= 24 or stop <= batch_size
        collector, tracker = follow(12, at=(start,), batch_size=batch_size, journal=journal)
    assert len(tracker.calls) <= len(straight.calls) - stop + batch_size + 1
    assert collector.digest() == whole.digest()
    assert [r.presence for r in collector.results] == [r.presence for r in whole.results]


def test_a_run_that_only_had_to_be_written_writes_the_same(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal", "same") as journal:
        whole, _ = follow(5, journal=journal)
    with Journal(tmp_path / "journal", "same") as journal:
        again, tracker = follow(5, journal=journal)
    assert again.digest() == whole.digest()
    assert [call for call, _ in tracker.calls if call != "turn"] == []


def test_live_input_is_refused_before_any_work() -> None:
    source = ListSource(square_clip(5), is_live=True)
    with pytest.raises(VosError, match=r"tracker\.second_pass\.enabled.*false"):
        follow(source=source)
    assert source.given == 0


def test_every_frame_is_reported_once_per_pass() -> None:
    seen: list[int] = []
    line = Line(ColourSegmenter(), RedTracker(), second_pass=TWICE, on_frame=seen.append)
    segment_video(ListSource(square_clip(5)), [Reference(2, square_mask(2))], line)
    assert seen == [1, 0, 0, 1, 2, 3, 4, 4, 3, 2]


@pytest.mark.parametrize("ref_frame", [0, 5])
@pytest.mark.parametrize("stop", [2, 9])
def test_the_program_goes_on_to_the_same_bytes(
    program: Program, ref_frame: int, stop: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [VIDEO, f"ref_mask=mask {ref_frame}.png", f"ref_frame={ref_frame}", "output=[masks,overlay]"]
    words += ["tracker.second_pass.enabled=true"]
    assert program(*words, "output_dir=whole") == 0
    assert f"{FRAMES} frames at" in capsys.readouterr().out
    step, calls = SecondPass.step, 0

    def interrupted(self: SecondPass, embedding: ImageEmbedding, frame: Frame) -> TrackedFrame:
        nonlocal calls
        calls += 1
        if calls == stop:
            raise KeyboardInterrupt
        return step(self, embedding, frame)

    monkeypatch.setattr(SecondPass, "step", interrupted)
    assert program(*words, "output_dir=part") == 130
    assert [p.name for p in Path("part").iterdir()] == [".resume"]
    monkeypatch.setattr(SecondPass, "step", step)
    assert program(*words, "output_dir=part") == 0
    assert "going on after" in capsys.readouterr().out
    assert tree(Path("part")) == tree(Path("whole"))
    assert len(json.loads(Path("part/summary.json").read_text())["frames"]) == FRAMES


def test_the_published_tracker_is_refused_in_one_line(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(VIDEO, MASK, "tracker=reference", "tracker.second_pass.enabled=true") == 2
    assert "tracker=persam" in capsys.readouterr().err
