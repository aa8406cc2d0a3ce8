"""On a Ray cluster every task has one end, too, where a node is lost in the middle."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vos.batch.ray_workers import RayWorkers
from vos.batch.workers import Lost
from vos.errors import VosError


def slow(task: Path, tell: Callable[[int], None]) -> str:
    """Leaves a mark, and takes a while."""
    task.touch()
    time.sleep(1.5)
    return task.name


def failing(task: Path, tell: Callable[[int], None]) -> str:
    """Dies each time."""
    os._exit(3)


def test_without_ray_or_a_cluster_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(VosError, match=r"needs Ray; run: pip install 'vos\[ray\]'|finds no cluster"):
        RayWorkers(1, 1, slow, lambda count: None)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes on this machine, of one core each."""
    utilities = pytest.importorskip("ray.cluster_utils", reason="a cluster needs Ray (vos[ray])")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    made = utilities.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.second = made.add_node(num_cpus=1)
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    yield made
    made.shutdown()


def test_a_lost_node_loses_no_task(cluster: Any, tmp_path: Path) -> None:
    tasks = [tmp_path / name for name in "abcdef"]
    with RayWorkers(2, 1, slow, lambda count: None) as workers:
        done = workers.do(tasks)
        ends = [next(done)]
        for process in (info.process for infos in cluster.second.all_processes.values() for info in infos):
            process.kill()
        ends += done
    assert sorted(map(str, ends)) == list("abcdef")


def test_a_task_that_kills_its_actor_is_given_up(cluster: Any, tmp_path: Path) -> None:
    with RayWorkers(1, 1, failing, lambda count: None) as workers:
        (end,) = workers.do([tmp_path])
    assert isinstance(end, Lost)
    assert end.task == tmp_path
