"""How far a video is: what the bar says, and how fast it was."""

from __future__ import annotations

import io
import sys

import pytest

import vos.progress
from vos.cli.run_progress import RunProgress
from vos.progress import Display, Progress, shown_on
from vos.stages import StageTimes


def test_the_bar_says_that_it_learns_and_the_estimate_leaves_that_out(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, now = io.StringIO(), [0.0]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(vos.progress, "monotonic", lambda: now[0])
    progress = RunProgress("clip", StageTimes())
    with shown_on(Display(has_bar=True, say=None)), Progress("clip", 10, "frame") as progress.bar:
        progress.on_learning(True)
        assert terminal.getvalue().rpartition("\r")[2].startswith("learning:   0%")
        now[0] = 60.0
        progress.on_learning(False)
        assert terminal.getvalue().rpartition("\r")[2].startswith("clip:   0%")
        for index in range(5):
            now[0] += 0.5
            progress.on_frame(index)
        assert progress.bar.line() == "clip: 5 of 10 frames, 2.0 frames/s, 2 s left"


def test_learning_is_left_out_of_the_speed() -> None:
    progress = RunProgress("clip", StageTimes(), tracked=40, seconds=12.0)
    progress.times.seconds["learn"] = 2.0
    assert (progress.learning, progress.speed) == (2.0, 4.0)
    assert progress.summary() == {"frames_per_second": 4.0, "timings_seconds": {"learn": 2.0}}
