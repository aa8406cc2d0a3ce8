"""Processes that do one task after the other; one that dies takes nothing with it but the task that it was at."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Generic, Literal, TypeVar

from typing_extensions import Self

from vos.stages import share_cores

Task = TypeVar("Task")
Result = TypeVar("Result")
Work = Callable[[Task, Callable[[int], None]], Result]
MOST_TRIES = 2  # of a task whose process dies: the first may have had bad luck
START: Literal["spawn"] = "spawn"  # how processes begin: a fork would inherit PyTorch's threads half
_ENDING = {signal.SIGINT, signal.SIGTERM}
_PATIENCE = 30.0  # seconds that Ctrl-C waits for tasks to leave what they have in order


@dataclass(frozen=True)
class Lost(Generic[Task]):
    """A task whose process died, again and again, and why."""

    task: Task
    reason: str


@dataclass
class _Worker(Generic[Task]):
    process: BaseProcess
    pipe: Connection
    life: Connection  # never used: its end tells the process that this one has died
    task: Task | None = None


class Workers(Generic[Task, Result]):
    """A number of processes, each with a share of the processor's cores.

    A context manager: leaving it ends them, whatever they are doing.

    Args:
        count: of processes; they begin when there is something to do for them.
        cores: that each may use.
        work: done in a process for each task, with a function to tell it of what was counted; given by a module that
            can be imported. It must answer Ctrl-C with a result.
        on_count: is told what was counted.
    """

    def __init__(self, count: int, cores: int, work: Work[Task, Result], on_count: Callable[[int], None]) -> None:
        self._count, self._cores, self._work, self._on_count = count, cores, work, on_count
        self._context = multiprocessing.get_context(START)
        self._workers: list[_Worker[Task]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for worker in self._workers:
            if worker.task is not None:
                worker.process.kill()
            worker.pipe.close()
            worker.life.close()
        for worker in self._workers:
            worker.process.join()

    def do(self, tasks: Iterable[Task]) -> Iterator[Result | Lost[Task]]:
        """Does the tasks in any order, and yields what came of each as soon as it is known."""
        waiting, deaths = deque(tasks), Counter[int]()
        while waiting or self._busy():
            while waiting and (worker := self._idle()) is not None:
                self._give(worker, waiting)
            for worker, result in self._answers():
                task, worker.task = worker.task, None
                assert task is not None
                if result is not None:
                    yield result
                    continue
                reason = self._bury(worker)
                deaths[id(task)] += 1
                if deaths[id(task)] < MOST_TRIES:
                    waiting.appendleft(task)
                else:
                    yield Lost(task, reason)

    def interrupt(self) -> Iterator[Result]:
        """Passes Ctrl-C on to all, and yields what came of their tasks."""
        for worker in self._busy():
            if worker.process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(worker.process.pid, signal.SIGINT)
        end = time.monotonic() + _PATIENCE
        while self._busy() and (left := end - time.monotonic()) > 0:
            for worker, result in self._answers(left):
                worker.task = None
                if result is not None:
                    yield result

    def _busy(self) -> list[_Worker[Task]]:
        return [worker for worker in self._workers if worker.task is not None]

    def _idle(self) -> _Worker[Task] | None:
        """A process that has nothing to do, begun if there may be one more."""
        for worker in self._workers:
            if worker.task is None:
                return worker
        if len(self._workers) == self._count:
            return None
        (pipe, theirs), (ends, life) = self._context.Pipe(), self._context.Pipe(duplex=False)
        process = self._context.Process(target=_live, args=(theirs, ends, self._work, self._cores), daemon=True)
        with _ctrl_c_held_back():
            process.start()
        theirs.close()
        ends.close()
        self._workers.append(_Worker(process, pipe, life))
        return self._workers[-1]

    def _give(self, worker: _Worker[Task], waiting: deque[Task]) -> None:
        worker.task = waiting.popleft()
        with suppress(OSError):  # it has died, and its answer will say so
            worker.pipe.send(worker.task)

    def _answers(self, seconds: float | None = None) -> Iterator[tuple[_Worker[Task], Result | None]]:
        """Yields who has answered, and what; None for a process that has died."""
        busy = {worker.pipe: worker for worker in self._busy()}
        for pipe in wait(list(busy), seconds):
            worker = busy[pipe]  # type: ignore[index]
            try:
                is_result, value = worker.pipe.recv()
            except (EOFError, OSError):
                is_result, value = True, None
            if is_result:
                yield worker, value
            else:
                self._on_count(value)

    def _bury(self, worker: _Worker[Task]) -> str:
        self._workers.remove(worker)
        worker.pipe.close()
        worker.life.close()
        worker.process.join()
        code = worker.process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def _live(pipe: Connection, life: Connection, work: Work[Any, Any], cores: int) -> None:
    """Is what a process does: tasks, until there are no more."""
    with suppress(EOFError, OSError, KeyboardInterrupt):
        if hasattr(os, "setpgid"):
            os.setpgid(0, 0)  # a terminal's Ctrl-C is passed on by the parent, once
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Thread(target=_die_with_parent, args=(life,), daemon=True).start()
        share_cores(cores)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        while True:
            pipe.send((True, work(pipe.recv(), lambda count: pipe.send((False, count)))))


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Keeps Ctrl-C and SIGTERM from a process that begins until it can answer; this one gets it when it has begun."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    if START == "spawn":
        resource_tracker.ensure_running()  # which lets all signals through again when it begins
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _die_with_parent(life: Connection) -> None:
    """Ends the process at once when the parent has died, however; what it was writing has no final name yet."""
    with suppress(EOFError, OSError):
        life.recv()
    os._exit(1)
