"""Follows what is shown through the frames whose results do not hold any more, and through no others."""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from typing_extensions import Self

from vos.api.result import Result
from vos.progress import Display
from vos.session.edits import Edits
from vos.session.engine import SessionEngine
from vos.session.results import FoundResults
from vos.stages import HandOut, LeftError
from vos.structures import SegmentedFrame
from vos.video.direction import Direction, plan
from vos.video.pipeline import VideoPipeline, follow, merged
from vos.video.reference import object_ids
from vos.video.replay import Replay
from vos.video.resume import ResumeState

DIRECTIONS = ("both", "forward", "backward")
AHEAD = 8  # frames that wait for whoever asks for them


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far tracking has come.

    Attributes:
        frame: number of the frame that has just been tracked.
        done: frames tracked so far; some are tracked twice, from both sides.
        total: frames to track.
        seconds_left: as it goes now; None = not known yet.
        result: what was found in the frame, where that is known already.
        is_final: the result holds; False = it will be joined with what is found from the other side.
        learned: 0 to 1, where it is still being learned what is shown in the frame, which takes some seconds; None =
            the frame has been tracked.
    """

    frame: int
    done: int
    total: int
    seconds_left: float | None
    result: Result | None
    is_final: bool
    learned: float | None = None


class Tracking(Iterator[Progress]):
    """Iterates over the progress of the work, which runs on a thread of its own, some frames ahead.

    The work ends with the last frame, with an error, when it is closed, at the end of a ``with`` block, and when nobody
    holds this any more. What was tracked until then stays.

    Args:
        work: gets a function to call with each progress, and one that says whether to go on.
    """

    def __init__(self, work: Callable[[Callable[[Progress], None], threading.Event], None]) -> None:
        stack, stop = ExitStack(), threading.Event()
        self._items: Iterator[Progress] = iter(
            stack.enter_context(HandOut(partial(_working, work, stop), AHEAD, "track"))
        )
        stack.callback(stop.set)
        self._finalizer = weakref.finalize(self, stack.close)

    def __next__(self) -> Progress:
        """Returns the next progress.

        Raises:
            VosError: what is shown is not found, or frames cannot be read or results written.
        """
        if self.is_closed:
            raise StopIteration
        try:
            return next(self._items)
        except BaseException:
            self.close()
            raise

    @property
    def is_closed(self) -> bool:
        """Returns whether the work has ended."""
        return not self._finalizer.alive

    def close(self) -> None:
        """Ends the work; may be called from any thread."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _working(
    work: Callable[[Callable[[Progress], None], threading.Event], None],
    stop: threading.Event,
    hand_out: Callable[[Progress], None],
) -> None:
    def tell(progress: Progress) -> None:
        try:
            hand_out(progress)
        except LeftError:  # where it comes from, work must not fail: what is under way is kept first
            stop.set()

    work(tell, stop)


class EnoughError(KeyboardInterrupt):
    """Ends a pass where it is, as Ctrl-C does: its state is kept, and it goes on from there another time."""


def track_frames(
    engine: SessionEngine,
    edits: Edits,
    found: FoundResults,
    folder: Path,
    wanted: set[int],
    tell: Callable[[Progress], None],
    stop: threading.Event,
) -> None:
    """Tracks frames, until all is done or nobody wants more.

    Args:
        engine: builds the pipeline.
        edits: what is shown.
        found: takes the results.
        folder: of the states from which tracking goes on.
        wanted: positions of the frames whose results do not hold; none is left in it.
        tell: is called with each progress.
        stop: is set when nobody wants more.

    Raises:
        VosError: what is shown is not found, or frames cannot be read or results written.
    """
    if wanted:
        _Job(engine, edits, found, folder, wanted, tell, stop).run()


class _Job:
    """The work of :func:`track_frames`."""

    def __init__(
        self,
        engine: SessionEngine,
        edits: Edits,
        found: FoundResults,
        folder: Path,
        wanted: set[int],
        tell: Callable[[Progress], None],
        stop: threading.Event,
    ) -> None:
        self.engine, self.edits, self.found, self.folder = engine, edits, found, folder
        self.wanted, self.tell, self.stop = wanted, tell, stop
        self.source, self.needs = engine.clip.source, engine.dependencies(edits)
        self.first = self.needs.given[0][0]
        later = [position for position in wanted if position >= self.first]
        self.low = min(wanted)
        self.high = max((int(self.needs.reach[position]) for position in later), default=-1)
        self.done = self.total = 0
        self._begin, self._learning, self._steps = time.monotonic(), 0, 0
        self._asked, self._thread = 0.0, threading.get_ident()  # when learning began; where it is done

    def run(self) -> None:
        """Makes the masks of what is shown, and goes through the passes that are needed."""
        with self.engine.at_work(Display(has_bar=False, say=None, count=self._on_step)):
            references = self.engine.references(self.edits)
            pipeline = replace(self.engine.pipeline(self.edits), on_result=self._on_result)
            positions = [position for position, _ in self.needs.given]
            given = list(zip(positions, (each.digest() for each in references)))
            ids = object_ids(references)
            with ResumeState(self.folder, self.engine.mark(self.edits), given) as saved:
                passes, joined = self.needs.passes, partial(merged, pipeline)
                replay = Replay(self.source, dict(zip(positions, references)), passes, ids, saved, joined)
                self._harvest(replay, pipeline)
                directions = plan(self.source, references, saved, pipeline.batch_size, passes)
                needed = [each for each in directions if self._frames(each) > 0]
                self.total = sum(map(self._frames, needed))
                for direction in needed:
                    if not self.stop.is_set() and self.wanted:
                        self._follow(direction, pipeline, ids)
                        self._harvest(replay, pipeline)
                if self.wanted and saved.forward.checkpoint.done and self.high >= self.first:
                    self.engine.clip.cut(self.first + len(saved.forward))  # it has promised more frames than it has

    def _frames(self, direction: Direction) -> int:
        """Counts the frames that are to be tracked in a pass; 0 where it has nothing to say of those wanted."""
        start, stop, consumed = direction.start, direction.stop, direction.consumed
        if direction.is_done:
            return 0
        if not direction.is_backward:
            end = self.high + 1 if stop is None else min(stop, self.high + 1)
            return max(0, end - start - max(direction.begin, consumed))
        if direction.branches_off is None:
            return max(0, start - self.low + 1 - consumed)
        assert stop is not None
        return start - stop - consumed if any(stop < position <= start for position in self.wanted) else 0

    def _follow(self, direction: Direction, pipeline: VideoPipeline, ids: tuple[int, ...]) -> None:
        with suppress(EnoughError):
            on_frame, on_learning = partial(self._on_frame, direction), partial(self._on_learning, direction)
            follow(direction, replace(pipeline, on_frame=on_frame, on_learning=on_learning), ids)

    def _on_learning(self, direction: Direction, begins: bool) -> None:
        sign = -1 if direction.is_backward else 1
        self._learning, self._steps = self.engine.clip.numbers[direction.start + sign * direction.consumed], 0
        if begins:
            self._asked = time.monotonic()
        else:  # what is left is told by the frames alone
            self._begin += time.monotonic() - self._asked

    def _on_step(self, count: int, unit: str) -> None:
        """Counts a step of learning; other sessions' work on threads of its own is told here, too."""
        if unit != "step" or threading.get_ident() != self._thread:
            return
        if self.stop.is_set():
            raise EnoughError
        self._steps += count
        steps = self.engine.config.tracker.adapt.steps * math.sqrt(len(self.edits.shown[self._learning]))
        self._tell(self._learning, None, is_final=False, learned=min(1.0, self._steps / max(1, steps)))

    def _on_frame(self, direction: Direction, number: int) -> None:
        """Ends the pass where it is no longer needed."""
        position = self.engine.clip.position(number)
        if direction.branches_off is not None:  # others are counted by their results
            self.done += 1
            self._tell(number, None, is_final=False)
            is_enough = False
        elif direction.is_backward:
            is_enough = 0 < position <= self.low
        else:
            is_enough = self.high <= position < (direction.stop or len(self.engine.clip.numbers)) - 1
        if is_enough or self.stop.is_set():
            raise EnoughError

    def _on_result(self, result: SegmentedFrame) -> None:
        """Takes what one pass has found in a frame."""
        self.done += 1
        self._keep(result, is_final=not self.needs.is_joined(self.engine.clip.position(result.frame.index)))

    def _keep(self, result: SegmentedFrame, is_final: bool) -> None:
        """Keeps a result, unless the one that is there holds."""
        position, result = self.engine.clip.position(result.frame.index), replace(result, names=self.edits.names)
        key, there = self.needs.key(position), self.found.frames.get(position)
        if there is None or there.key != key:
            self.found.put(position, key if is_final else "", result)
        if is_final:
            self.wanted.discard(position)
        self._tell(result.frame.index, Result(result), is_final)

    def _harvest(self, replay: Replay, pipeline: VideoPipeline) -> None:
        """Keeps the results that are wanted and need no tracking any more."""
        for positions in runs([position for position in sorted(self.wanted) if replay.has(position)]):
            for result in replay.results(pipeline.times, positions):
                if self.stop.is_set():
                    return
                self._keep(result, is_final=True)

    def _tell(self, number: int, result: Result | None, is_final: bool, learned: float | None = None) -> None:
        seconds, left = time.monotonic() - self._begin, max(0, self.total - self.done)
        seconds_left = seconds / self.done * left if self.done else None
        self.tell(Progress(number, self.done, self.total, seconds_left, result, is_final, learned))


def runs(positions: list[int]) -> Iterator[range]:
    """Joins ascending positions to ranges without gaps."""
    start = 0
    for k, position in enumerate(positions):
        if k + 1 == len(positions) or positions[k + 1] > position + 1:
            yield range(positions[start], position + 1)
            start = k + 1
