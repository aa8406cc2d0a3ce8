"""Every task has one end, whatever becomes of the processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vos.batch.workers import Lost, Workers
from vos.stages import available_cores

Tell = Callable[[int], None]


def double(task: int, tell: Tell) -> int:
    """Counts 3 for each task."""
    tell(1)
    tell(2)
    return 2 * task


def fragile(task: Path, tell: Tell) -> str:
    """Dies the first time; always, if it is told so by its name."""
    if task.name == "always" or not task.exists():
        task.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task.name


def patient(task: Path, tell: Tell) -> str:
    """Works until Ctrl-C, and tells of it."""
    task.touch()
    try:
        for _ in range(600):
            time.sleep(0.1)
            tell(1)
    except KeyboardInterrupt:
        return f"{task.name} interrupted"
    return "not interrupted"


def cores(task: int, tell: Tell) -> int:
    """How many cores the process may use."""
    return available_cores()


def test_all_tasks_are_done_and_counted() -> None:
    counted: list[int] = []
    with Workers(2, 1, double, counted.append) as workers:
        assert sorted(workers.do(range(7))) == [0, 2, 4, 6, 8, 10, 12]  # type: ignore[type-var]
    assert sum(counted) == 21


def test_each_process_has_its_share_of_the_cores() -> None:
    with Workers(1, 1, cores, int) as workers:
        assert list(workers.do([0])) == [1]


def test_a_task_whose_process_died_is_done_again_and_others_go_on(tmp_path: Path) -> None:
    tasks = [tmp_path / name for name in ("a", "always", "b", "c")]
    with Workers(2, 1, fragile, int) as workers:
        ends = list(workers.do(tasks))
    assert sorted(end for end in ends if isinstance(end, str)) == ["a", "b", "c"]
    (lost,) = (end for end in ends if isinstance(end, Lost))
    assert (lost.task.name, lost.reason) == ("always", "signal 9")


def test_ctrl_c_is_passed_on_and_answered(tmp_path: Path) -> None:
    tasks = [tmp_path / name for name in "abc"]

    def began(paths: list[Path]) -> bool:
        return sum(path.exists() for path in paths) == 2

    with Workers(2, 1, patient, int) as workers:
        done = workers.do(tasks)
        with pytest.raises(KeyboardInterrupt):
            signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT) if began(tasks) else None)
            signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
            try:
                next(done)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        assert sorted(workers.interrupt()) == ["a interrupted", "b interrupted"]


PARENT = """
import sys
from pathlib import Path
from test_workers import patient
from vos.batch.workers import Workers
if __name__ == "__main__":
    with Workers(2, 1, patient, int) as workers:
        try:
            print("begins", flush=True)
            list(workers.do([Path(sys.argv[1]) / name for name in "ab"]))
        except KeyboardInterrupt:
            list(workers.interrupt())
"""


def begin_parent(folder: Path) -> subprocess.Popen[str]:
    """Begins a program with two processes, in a group of its own, as a terminal does."""
    (folder / "parent.py").write_text(PARENT)
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    words = [sys.executable, str(folder / "parent.py"), str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, env={**os.environ, "PYTHONPATH": paths}, text=True, start_new_session=True, **pipes)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3, 0.6])
def test_ctrl_c_while_processes_begin_shows_no_traceback(tmp_path: Path, seconds: float) -> None:
    parent = begin_parent(tmp_path)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "begins\n"
    time.sleep(seconds)
    os.killpg(parent.pid, signal.SIGINT)
    _, said = parent.communicate(timeout=60)
    assert (parent.returncode, said) == (0, "")


def test_processes_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    parent = begin_parent(tmp_path)
    until(lambda: (tmp_path / "a").exists() and (tmp_path / "b").exists())
    mark = str(tmp_path).encode()
    children = [pid for pid in _pids() if pid != parent.pid and _parent_of(pid) == parent.pid]
    assert len(children) >= 2, mark
    parent.kill()
    parent.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))


def until(holds: Callable[[], bool]) -> None:
    """Waits for something that must come soon."""
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("it never came")


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _parent_of(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


if sys.platform != "linux":
    test_processes_end_when_the_parent_is_killed = pytest.mark.skip("reads /proc")(  # type: ignore[assignment]
        test_processes_end_when_the_parent_is_killed
    )
