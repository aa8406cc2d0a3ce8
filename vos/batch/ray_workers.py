"""The same work on a Ray cluster that is there: actors that keep their model, and begin anew where a node is lost."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar

from typing_extensions import Self

from vos.batch.workers import MOST_TRIES, Lost, Work
from vos.errors import VosError
from vos.stages import share_cores

Task = TypeVar("Task")
Result = TypeVar("Result")


class RayWorkers(Generic[Task, Result]):
    """As :class:`vos.batch.workers.Workers`, on the nodes of a cluster that share this folder's file system.

    Ray begins an actor whose node has died on another node, and gives it its task again.

    Args:
        count: of actors; those that find no free core wait for one.
        cores: that each asks for.
        work: done in an actor for each task.
        on_count: is told nothing before a task has come to its end.

    Raises:
        VosError: Ray is not installed, or there is no cluster.
    """

    def __init__(self, count: int, cores: int, work: Work[Task, Result], on_count: Callable[[int], None]) -> None:
        try:
            import ray
        except ImportError as error:
            raise VosError("executor=ray needs Ray; run: pip install 'vos[ray]' on every node") from error
        self._ray = ray
        try:
            ray.init(address="auto", log_to_driver=False, logging_level="error")
        except ConnectionError as error:
            raise VosError(
                "executor=ray finds no cluster; begin one with: ray start --head, or set RAY_ADDRESS"
            ) from error
        lasting = {"num_cpus": cores, "max_restarts": -1, "max_task_retries": MOST_TRIES - 1}
        self._begin = partial(ray.remote(_Actor).options(**lasting).remote, os.getcwd(), cores, work)  # noqa: PTH109
        self._count, self._actors = count, list[Any]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        self._ray.shutdown()

    def do(self, tasks: Iterable[Task]) -> Iterator[Result | Lost[Task]]:
        """Does the tasks in any order, and yields what came of each as soon as it is known."""
        waiting = deque(tasks)
        self._actors = [self._begin() for _ in range(min(self._count, len(waiting)))]
        idle = list(self._actors)
        given: dict[Any, tuple[Any, Task]] = {}
        while waiting or given:
            while waiting and idle:
                actor, task = idle.pop(), waiting.popleft()
                given[actor.do.remote(task)] = actor, task
            while idle:  # their cores are free for those that begin anew on another node
                self._ray.kill(idle.pop())
            for one in self._ray.wait(list(given))[0]:
                actor, task = given.pop(one)
                idle.append(actor)
                try:
                    yield self._ray.get(one)
                except self._ray.exceptions.RayError as error:
                    yield Lost(task, f"{type(error).__name__}: {str(error).splitlines()[0][:200]}")

    def interrupt(self) -> Iterator[Result]:
        """Yields nothing: what the actors were at is left as it is, and the next batch goes on from there."""
        yield from ()


class _Actor:
    """Is what an actor does, in the folder in which the batch was begun."""

    def __init__(self, folder: str, cores: int, work: Work[Any, Any]) -> None:
        os.chdir(folder)
        share_cores(cores)
        self._work = work

    def do(self, task: Any) -> Any:
        """Does a task."""
        return self._work(task, lambda count: None)
