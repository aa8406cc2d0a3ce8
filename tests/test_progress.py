"""How far work has come: bars on terminals, lines elsewhere."""

from __future__ import annotations

import io
import re
import sys
from contextlib import contextmanager
from typing import Any

import pytest

import vos.progress
from vos.progress import Display, Progress, duration, shown_on, usual_display, write_above


class Clock:
    """Time as the tests want it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(vos.progress, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def lines() -> Any:
    said: list[str] = []
    with shown_on(Display(has_bar=False, say=said.append)):
        yield said


def test_a_line_says_what_is_done_how_fast_and_what_is_left(clock: Clock) -> None:
    with lines() as said, Progress("clip", 400, "frame") as progress:
        for _ in range(60):
            clock.now += 0.125
            progress.update()
    assert said == ["clip: 40 of 400 frames, 8.0 frames/s, 45 s left"]


def test_lines_come_less_and_less_often(clock: Clock) -> None:
    with lines() as said, Progress("clip", None, "photo") as progress:
        for _ in range(300):
            clock.now += 1
            progress.update()
    counts = [int(re.fullmatch(r"clip: (\d+) photos, 1.0 photos/s", line)[1]) for line in said]  # type: ignore[index]
    assert counts == [5, 15, 35, 75, 135, 195, 255]


def test_what_was_done_before_and_pauses_do_not_count_for_the_speed(clock: Clock) -> None:
    with lines() as said, Progress("clip", 200, "frame", done=100) as progress:
        progress.rename("learning")
        clock.now += 50
        progress.rename("clip")
        progress.unpause()
        for _ in range(25):
            clock.now += 0.5
            progress.update()
    assert said == [
        "clip: 101 of 200 frames, 2.0 frames/s, 50 s left",
        "clip: 121 of 200 frames, 2.0 frames/s, 40 s left",
    ]


def test_bytes_are_megabytes(clock: Clock) -> None:
    with lines() as said, Progress("vit_b.pth", 375_000_000, "B") as progress:
        clock.now += 10
        progress.update(37_500_000)
    assert said == ["vit_b.pth: 37.5 of 375.0 MB, 3.8 MB/s, 1:30 min left"]


def test_short_work_says_nothing(clock: Clock) -> None:
    with lines() as said, Progress("learning", 100, "step", delay=1) as progress:
        assert list(progress.each("abc")) == ["a", "b", "c"]
        clock.now += 4.9
        progress.update(50)
    assert progress.done == 53
    assert said == []


def test_a_terminal_gets_a_bar_and_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vos.progress, "FIRST_LINE", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("clip", 4, "frame", done=2) as progress:
        progress.rename("learning")
        progress.update()
        write_above("warning: cut", sys.stderr)
    states = re.split(r"[\r\n]+", terminal.getvalue())
    assert states[1].startswith("clip:  50%")
    assert any(state.startswith("learning: ") for state in states)
    assert "warning: cut" in states
    assert " 3/4 " in states[-2]


def test_a_file_gets_lines_without_carriage_returns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vos.progress, "FIRST_LINE", 0.0)
    with Progress("clip", 4, "frame") as progress:
        progress.update()
        progress.update()
    said = capsys.readouterr().err
    assert re.fullmatch(r"(clip: [12] of 4 frames, [\d.]+ frames/s, 0 s left\n)+", said)


def test_a_display_counts_for_the_block_alone() -> None:
    usual = usual_display().has_bar
    with shown_on(Display(has_bar=False, say=None)), shown_on(Display(has_bar=True, say=None)):
        assert Progress("x", 1, "frame")._bar is not None
    assert (Progress("x", 1, "frame")._bar is not None) == usual


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (7384, "2:03 h")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_no_stderr_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # pythonw, closed streams
    assert not usual_display().has_bar
