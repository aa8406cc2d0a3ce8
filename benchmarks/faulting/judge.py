"""What counts as right: an outcome, what the files were before, and what the run should have given."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from faulting.fault import Outcome

RIGHT, ONE_LINE, REFUSED, TRACEBACK, HANG, SILENT, LOST = (
    "right",
    "one line",
    "wrongly refused",
    "traceback",
    "hang",
    "silently wrong",
    "lost",
)
VERDICTS = (RIGHT, ONE_LINE, REFUSED, TRACEBACK, HANG, SILENT, LOST)
NOT_TRIED = "not tried"  # the suite itself failed
WRONG = (REFUSED, TRACEBACK, HANG, SILENT, LOST, NOT_TRIED)
CODES = (0, 2, 3, 130)  # done, the user's mistake, a part of a batch failed, Ctrl-C
Files = Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """One of VERDICTS, and in a line what happened."""

    verdict: str
    what: str = ""


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below a folder with a hash of what it holds; links with where they point; no folders."""
    found: dict[str, str] = {}
    for root, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = os.path.join(root, name)  # noqa: PTH118
            mode = os.lstat(path).st_mode
            relative = os.path.relpath(path, folder)
            if stat.S_ISLNK(mode):
                found[relative] = f"link to {Path(path).readlink()}"
            elif stat.S_ISREG(mode):
                found[relative] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            elif not stat.S_ISDIR(mode):
                found[relative] = "special"
    return found


def lost(before: Files, after: Files) -> list[str]:
    """The files of ``before`` that are gone or hold something else."""
    return sorted(
        f"{name} {'changed' if name in after else 'gone'}" for name in before if before[name] != after.get(name)
    )


def judge(
    outcome: Outcome,
    losses: list[str],
    problem: Callable[[], str | None],
    may_refuse: bool = True,
    warning_excuses: bool = False,
) -> Verdict:
    """Says what an outcome is worth.

    Args:
        outcome: of the run.
        losses: files of the user's that it changed.
        problem: looks at the results of a run that ended well; what is wrong with them, or None.
        may_refuse: one line and exit code 2 is a good answer, too.
        warning_excuses: so is a result with less in it, if a warning says so.
    """
    if losses:
        return Verdict(LOST, "; ".join(losses[:3]))
    if (bad := crash(outcome)) is not None:
        return bad
    if outcome.code in (2, 130):
        errors = [line for line in lines(outcome.err) if line.startswith(("error:", "interrupted"))]
        if len(errors) != 1:
            return Verdict(
                TRACEBACK, f"exit code {outcome.code} with {len(errors)} lines of error: {tail(outcome.err)}"
            )
        return Verdict(ONE_LINE if may_refuse else REFUSED, errors[0])
    if (wrong := problem()) is None:
        return Verdict(RIGHT)
    if warning_excuses and warnings(outcome):
        return Verdict(RIGHT, f"{wrong}, and said so")
    return Verdict(SILENT, f"exit code {outcome.code}: {wrong}")


def crash(outcome: Outcome) -> Verdict | None:
    """A traceback, a death or a hang; None if the run ended in an orderly way."""
    if outcome.hung:
        return Verdict(HANG, f"after {outcome.seconds:.0f} s: {tail(outcome.err)}")
    if "Traceback (most recent call last)" in outcome.err + outcome.out or outcome.signal is not None:
        return Verdict(
            TRACEBACK, f"signal {outcome.signal}: {tail(outcome.err)}" if outcome.signal else tail(outcome.err)
        )
    if outcome.code not in CODES:
        return Verdict(TRACEBACK, f"exit code {outcome.code}: {tail(outcome.err)}")
    return None


def warnings(outcome: Outcome) -> list[str]:
    """The lines that tell of something that is not as it should be; that the scene's object is small is known."""
    told = [
        line for line in lines(outcome.err) if re.search(r"warning|skipped|damaged|missing|incomplete|broken", line)
    ]
    return [line for line in told if "the object covers only" not in line]


def lines(text: str) -> list[str]:
    """The lines of a terminal's text: a progress bar overwrites itself, so that only its last state stays."""
    shown = [line.split("\r")[-1].strip() for line in text.split("\n")]
    return [line for line in shown if line]


def tail(text: str) -> str:
    """The last line, shortened."""
    return (lines(text) or [""])[-1][:240]
