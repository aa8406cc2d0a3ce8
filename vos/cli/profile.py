"""Where the time and the memory of a run went: a table for the screen, and the blocks of work that a picture shows."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

BINS = 1024  # of the whole run; they become longer with it, so that memory does not
CLOSE_UP, BLOCKS = 2.0, 4000  # seconds that are kept block by block, and blocks at most
MAIN = "main"
ORDER = ("start", "load", "read", "encode", "learn", "search", "track", "merge", "write")  # of a frame's way


class Block(NamedTuple):
    """A piece of work: which, on which thread, and when, in seconds since the process began."""

    lane: str
    stage: str
    begin: float
    end: float


@dataclass
class Stage:
    """What one stage took: seconds, frames, and the most memory that the process had at the end of a block of it."""

    seconds: float = 0.0
    frames: int = 0
    memory: int = 0  # bytes


@dataclass
class Profile:
    """Collects the blocks of work of all threads; memory does not grow with the length of the run.

    Attributes:
        is_first: the first run of this process, whose time begins with the process; others begin now.
        stages: what each stage took.
        busy: by (thread, stage): the busy seconds in each of ``BINS`` bins of ``width`` seconds.
        close_up: the blocks of the first seconds of tracking.
    """

    is_first: bool = True
    stages: dict[str, Stage] = field(default_factory=dict)
    busy: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    width: float = 1 / 64
    close_up: deque[Block] = field(default_factory=lambda: deque(maxlen=BLOCKS))

    def __post_init__(self) -> None:
        now = time.perf_counter()
        self._begin = now - (_process_age() if self.is_first else 0.0)
        self._tracking: float | None = None  # seconds at which it began
        self._lock, self._marked = threading.Lock(), self._begin
        if self.is_first:
            self.mark("start")

    @property
    def seconds(self) -> float:
        """How long the run has taken until now."""
        return time.perf_counter() - self._begin

    @property
    def tracking(self) -> float:
        """When the close-up begins, in seconds of the run."""
        return self._tracking or 0.0

    def mark(self, stage: str) -> None:
        """Ends a stage that lasted since the last mark, or since the beginning, and is for no frame."""
        begin, self._marked = self._marked, time.perf_counter()
        self.on_block(stage, begin, self._marked, 0)

    def on_block(self, stage: str, begin: float, end: float, frames: int) -> None:
        """Takes a block of work of the thread that calls this; see :class:`vos.stages.StageTimes`."""
        name = threading.current_thread().name
        lane = MAIN if threading.current_thread() is threading.main_thread() else name
        block = Block(lane, stage, begin - self._begin, end - self._begin)
        memory = resident_memory()
        with self._lock:
            known = self.stages.setdefault(stage, Stage())
            known.seconds += block.end - block.begin
            known.frames += frames
            known.memory = max(known.memory, memory)
            self._spread(block)
            if stage in ("track", "search") and self._tracking is None:
                self._tracking = block.begin
            if self._tracking is None or block.begin < self._tracking + CLOSE_UP:
                self.close_up.append(block)

    def in_order(self) -> dict[str, Stage]:
        """Lists the stages in the order of a frame's way."""
        names = [name for name in ORDER if name in self.stages]
        return {name: self.stages[name] for name in (*names, *(self.stages.keys() - set(names)))}

    def _spread(self, block: Block) -> None:
        """Adds a block to the bins of its thread and stage, which become twice as long where it lies behind them."""
        while block.end >= BINS * self.width:
            self.width *= 2
            for key, bins in self.busy.items():
                self.busy[key] = [a + b for a, b in zip(bins[::2], bins[1::2])] + [0.0] * (BINS // 2)
        bins = self.busy.setdefault((block.lane, block.stage), [0.0] * BINS)
        for k in range(int(block.begin / self.width), int(block.end / self.width) + 1):
            bins[k] += min(block.end, (k + 1) * self.width) - max(block.begin, k * self.width)

    def table(self) -> str:
        """Writes the stages as lines of a table, the whole run last."""
        whole = self.seconds
        lines = [f"{'stage':<8} {'seconds':>8} {'share':>7} {'frames':>7} {'ms per frame':>13} {'memory at most':>15}"]
        for name, stage in self.in_order().items():
            per_frame = f"{1000 * stage.seconds / stage.frames:.1f}" if stage.frames else ""
            lines.append(_row(name, stage.seconds, stage.seconds / whole, stage.frames or "", per_frame, stage.memory))
        lines.append(_row("run", whole, 1.0, "", "", peak_memory()))
        return "\n".join(lines)


def _row(name: str, seconds: float, share: float, frames: object, per_frame: str, memory: int) -> str:
    used = f"{memory / 2**20:.0f} MiB" if memory else ""
    return f"{name:<8} {seconds:8.2f} {share:7.0%} {frames:>7} {per_frame:>13} {used:>15}".rstrip()


def resident_memory() -> int:
    """Bytes of memory that the process has now; where the system does not say, :func:`peak_memory`."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * int(os.sysconf("SC_PAGE_SIZE"))
    return peak_memory()


def peak_memory() -> int:
    """Bytes of memory that the process has had at most; 0 = this system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _process_age() -> float:
    """Seconds since the process began; 0 where the system does not say."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        begun = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(begun) / int(os.sysconf("SC_CLK_TCK"))
    return 0.0
