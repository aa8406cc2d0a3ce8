"""How far long work has come: a bar on a terminal, a line now and then elsewhere, nothing where nobody wants it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from typing_extensions import Self

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")
FIRST_LINE, LATER_LINES = 5.0, 60.0  # seconds before the first line; at most between two: each wait is twice the last
MEGABYTE = 1e6


@dataclass(frozen=True)
class Display:
    """Where progress is shown.

    Attributes:
        has_bar: draw a bar on stderr.
        say: takes a line now and then; None = no lines.
        count: is told of what is done of everything, in its unit; None = nobody is.
    """

    has_bar: bool
    say: Callable[[str], object] | None
    count: Callable[[int, str], object] | None = None


NOWHERE = Display(has_bar=False, say=None)
_displays: list[Display] = []  # the latest counts; none = as stderr is


@contextmanager
def shown_on(display: Display) -> Iterator[None]:
    """Shows all progress that begins in the block on ``display``; for entry points, since it is global."""
    _displays.append(display)
    try:
        yield
    finally:
        _displays.remove(display)


def usual_display() -> Display:
    """Returns a bar where stderr is a terminal, otherwise lines: a file keeps every state of a bar."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return Display(is_terminal, None if is_terminal else lambda line: write_above(line, sys.stderr))


def write_above(line: str, file: TextIO) -> None:
    """Writes a line, above a bar that may be there."""
    from tqdm import tqdm

    tqdm.write(line, file=file)


class Progress:
    """Counts what is done of some work, and shows it.

    Args:
        name: of the work, before the figures.
        total: how much there is to do; None = unknown.
        unit: what is counted, in the singular; "B" = bytes.
        done: how much was done before.
        delay: seconds before anything is shown.
        is_kept: a bar stays on the screen when the work is done.
    """

    def __init__(
        self, name: str, total: int | None, unit: str, done: int = 0, delay: float = 0.0, is_kept: bool = True
    ) -> None:
        self.name, self.total, self.unit, self.done = name, total, unit, done
        display = _displays[-1] if _displays else usual_display()
        self._say, self._tell = display.say, display.count
        self._bar: tqdm[Any] | None = None
        if display.has_bar:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total, initial=done, unit=unit, unit_scale=unit == "B", desc=name, delay=delay, leave=is_kept
            )
        self._counted, self._begin = 0, monotonic()
        self._latest, self._wait = self._begin, max(delay, FIRST_LINE)
        self._next_line = self._begin + self._wait

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the bar."""
        if self._bar is not None:
            self._bar.close()

    def update(self, count: int = 1) -> None:
        """Counts what was done since the last time."""
        self.done += count
        self._counted += count
        self._latest = monotonic()
        if self._tell is not None:
            self._tell(count, self.unit)
        if self._bar is not None:
            self._bar.update(count)
        if self._say is not None and self._latest >= self._next_line:
            self._wait = min(2 * self._wait, LATER_LINES)
            self._next_line = self._latest + self._wait
            self._say(self.line())

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """Yields the items, and counts each when the next is asked for."""
        for item in items:
            yield item
            self.update()

    def rename(self, name: str) -> None:
        """Says from now on that something else is being done."""
        self.name = name
        if self._bar is not None:
            self._bar.set_description(name)

    def unpause(self) -> None:
        """Leaves the time since the last count out of the speed: what is left is estimated by the rest."""
        self._begin, self._latest = self._begin + monotonic() - self._latest, monotonic()
        if self._bar is not None:
            self._bar.unpause()

    def line(self) -> str:
        """Says how far the work is: "clip: 120 of 400 frames, 14.0 frames/s, 20 s left"."""
        scale, units, digits = (MEGABYTE, "MB", 1) if self.unit == "B" else (1, f"{self.unit}s", 0)
        speed = self._counted / max(self._latest - self._begin, 1e-9)
        count = f"{self.done / scale:.{digits}f}" + (f" of {self.total / scale:.{digits}f}" if self.total else "")
        line = f"{self.name}: {count} {units}, {speed / scale:.1f} {units}/s"
        return f"{line}, {duration((self.total - self.done) / speed)} left" if self.total and speed > 0 else line


def duration(seconds: float) -> str:
    """Writes seconds for people: "20 s", "3:05 min", "2:03 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"
