"""Only what is missing is done, and what is left half-done is as good as not begun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vos.evaluation.runner import Job, run_missing


class Work:
    """Writes two masks in half a second of its own; notes how often it did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.fail = False

    def job(self, name: str, fingerprint: str = "one") -> Job:
        def work(folder: Path, on_mask: Callable[[], object]) -> float:
            self.done.append(name)
            for index in range(2):
                (folder / f"{index}.png").write_text(fingerprint)
                on_mask()
                if self.fail:
                    raise KeyboardInterrupt
            return 0.5

        return Job(name, ("0.png", "1.png"), fingerprint, work)


def test_finished_jobs_are_left_alone_and_their_time_counts(tmp_path: Path) -> None:
    work = Work()
    assert run_missing([work.job("a")], tmp_path, False, "frame") == 0.5
    assert run_missing([work.job("a"), work.job("b")], tmp_path, False, "frame") == 1.0
    assert work.done == ["a", "b"]
    run_missing([work.job("a"), work.job("b")], tmp_path, True, "frame")
    assert work.done == ["a", "b", "a", "b"]


@pytest.mark.parametrize("harm", ["mask", "empty mask", "{", "{}", "[]", "other options"])
def test_a_job_that_lacks_something_is_done_anew(tmp_path: Path, harm: str) -> None:
    work = Work()
    run_missing([work.job("a")], tmp_path, False, "frame")
    if harm == "mask":
        (tmp_path / "a/1.png").unlink()
    if harm == "empty mask":
        (tmp_path / "a/1.png").write_text("")
    if harm in ("{", "{}", "[]"):
        (tmp_path / "a/run.json").write_text(harm)
    fingerprint = "two" if harm == "other options" else "one"
    run_missing([work.job("a", fingerprint)], tmp_path, False, "frame")
    assert work.done == ["a", "a"]
    assert (tmp_path / "a/1.png").read_text() == fingerprint


def test_ctrl_c_leaves_nothing_of_a_job(tmp_path: Path) -> None:
    work = Work()
    run_missing([work.job("a")], tmp_path, False, "frame")
    work.fail = True
    with pytest.raises(KeyboardInterrupt):
        run_missing([work.job("a"), work.job("b")], tmp_path, False, "frame")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
