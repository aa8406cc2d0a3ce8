"""Threads at both ends of a pipeline: an iterator that runs ahead, a consumer that follows behind.

Both are bounded, so memory does not grow with the video. An exception on either thread surfaces once, in the thread
that uses it, and closing ends the thread whatever state it is in.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Generic, TypeVar

from typing_extensions import Self

T = TypeVar("T")
_POLL = 0.2  # seconds between looks at the stop sign; also lets Ctrl-C through where waiting cannot be interrupted
_BIRTH = 15.0  # seconds after which a thread that has not begun never will
_PATIENCE = 10.0  # seconds that closing waits for a thread which is stuck in a device


_share: list[int] = []  # cores, the latest counts; none = all


def available_cores() -> int:
    """Counts the processor's cores that this process may use: fewer than there are in containers and under taskset."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min([cores, *_share[-1:]])


def share_cores(count: int) -> None:
    """Lets this process use no more than ``count`` cores; for entry points, since it is global."""
    _share.append(count)


@contextmanager
def interrupt_later(wanted: bool = True) -> Iterator[None]:
    """Lets Ctrl-C wait for the end of the block; a second one does not wait.

    Only in the main thread, which alone gets it, and where Ctrl-C does what it does in Python by itself.

    Args:
        wanted: False = the block may be interrupted.
    """
    own = signal.default_int_handler
    is_main = threading.current_thread() is threading.main_thread()
    if not (wanted and is_main and signal.getsignal(signal.SIGINT) is own):
        yield
        return
    came: list[int] = []

    def wait(number: int, where: FrameType | None) -> None:
        came.append(number)
        signal.signal(signal.SIGINT, own)

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, own)
    if came:
        raise KeyboardInterrupt


class _Begun(threading.Event):
    """Waits for a thread to begin, but not forever: one that finds no memory ends before it says that it has begun."""

    def wait(self, timeout: float | None = None) -> bool:
        """Waits as :meth:`threading.Event.wait` does, and without a timeout raises a MemoryError after a while."""
        if not super().wait(_BIRTH if timeout is None else timeout) and timeout is None:
            raise MemoryError("a thread did not begin")
        return self.is_set()


class _Thread(threading.Thread):
    def __init__(self, run: Callable[..., None], work: object, name: str) -> None:
        super().__init__(target=run, args=(work,), name=name, daemon=True)
        self._started = _Begun()
        self.start()


class _End:
    """Follows the last item; carries the exception that ended the iteration, if any."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class LeftError(Exception):
    """Whoever took the items of a :class:`HandOut` wants no more of them."""


class HandOut(Generic[T]):
    """Iterates over what a function hands out, which runs on a thread of its own, at most ``size`` items ahead.

    A context manager; leaving it ends the thread.

    Args:
        work: gets a function to call with each item, which raises a :class:`LeftError` where nobody wants more.
        size: items that wait.
        name: of the thread.
    """

    def __init__(self, work: Callable[[Callable[[T], None]], None], size: int, name: str) -> None:
        self._queue: queue.Queue[T | _End] = queue.Queue(size)
        self._stop = threading.Event()
        self._thread = _Thread(self._run, work, name)

    def _run(self, work: Callable[[Callable[[T], None]], None]) -> None:
        end = _End()
        try:
            work(self._hand_out)
        except LeftError:
            pass
        except BaseException as error:  # passed on to the user of the iterator
            end = _End(error)
        self._put(end)

    def _hand_out(self, item: T) -> None:
        if not self._put(item):
            raise LeftError

    def _put(self, item: T | _End) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=_POLL)
                return True
            except queue.Full:
                continue
        return False

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                item = self._queue.get(timeout=_POLL)
            except queue.Empty:
                if self._stop.is_set():
                    return
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(_PATIENCE)


class Prefetch(HandOut[T]):
    """Iterates over ``items`` on a thread of its own, at most ``size`` items ahead of its user.

    The items are made and closed on that thread. A context manager; leaving it ends the thread.
    """

    def __init__(self, items: Iterable[T], size: int, name: str) -> None:
        super().__init__(partial(_each, items), size, name)


def _each(items: Iterable[T], hand_out: Callable[[T], None]) -> None:
    iterator = iter(items)
    try:
        for item in iterator:
            hand_out(item)
    finally:
        if isinstance(iterator, Generator):
            iterator.close()


class WriteBehind(Generic[T]):
    """Hands items to ``consume`` on a thread of its own, in order; ``put`` waits while ``size`` are pending.

    A context manager; leaving it waits until everything is consumed. An exception of ``consume`` is raised by the
    next ``put`` or on leaving, unless another one is already under way.
    """

    def __init__(self, consume: Callable[[T], None], size: int, name: str) -> None:
        self._queue: queue.Queue[T | _End] = queue.Queue(size)
        self._error: BaseException | None = None
        self._thread = _Thread(self._run, consume, name)

    def _run(self, consume: Callable[[T], None]) -> None:
        while not isinstance(item := self._next(), _End):
            if self._error is None:  # after a failure the rest is dropped, so that nobody waits for room
                try:
                    consume(item)
                except BaseException as error:
                    self._error = error

    def _next(self) -> T | _End:
        """Waits for the next item. Looks now and then: Ctrl-C in ``put`` can swallow what should wake us."""
        while True:
            try:
                return self._queue.get(timeout=_POLL)
            except queue.Empty:
                continue

    def put(self, item: T | _End) -> None:
        """Queues an item, or raises what went wrong with an earlier one."""
        while True:
            if self._error is not None:
                raise self._error
            try:
                self._queue.put(item, timeout=_POLL)
                return
            except queue.Full:
                continue

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with interrupt_later():  # what comes next closes what this thread may be writing to
            self._queue.put(_End())
            self._thread.join()
        if self._error is not None and error is None:
            raise self._error


class StageTimes:
    """Seconds of work per stage, waiting left out. Each stage is measured on one thread at a time.

    Args:
        on_block: called after each piece of work, on its thread, with the stage, begin and end (seconds of
            ``time.perf_counter``) and how many frames it was for.
    """

    def __init__(self, on_block: Callable[[str, float, float, int], None] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._on_block = on_block

    @contextmanager
    def measure(self, stage: str, frames: int = 1) -> Iterator[None]:
        """Adds the time inside the ``with`` block, which is for so many frames, to ``stage``."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._add(stage, begin, frames)

    def each(self, stage: str, items: Iterable[Any]) -> Generator[Any]:
        """Iterates over ``items``, adding the time that each takes to make to ``stage``."""
        iterator = iter(items)
        try:
            while True:
                begin, item = time.perf_counter(), self
                try:
                    item = next(iterator, self)
                finally:
                    self._add(stage, begin, int(item is not self))
                if item is self:
                    return
                yield item
        finally:
            if isinstance(iterator, Generator):
                iterator.close()

    def _add(self, stage: str, begin: float, frames: int) -> None:
        end = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + end - begin
        if self._on_block is not None:
            self._on_block(stage, begin, end, frames)
