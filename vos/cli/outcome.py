"""What came of a command: an exit code, and for scripts one JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DONE, MISTAKE, PARTLY, INTERRUPTED = 0, 2, 3, 130  # exit codes
_STATES = {DONE: "done", PARTLY: "partly", INTERRUPTED: "interrupted"}


@dataclass(frozen=True)
class Outcome:
    """What one run made, or several together.

    Attributes:
        frames: how many frames, or photos, have results.
        outputs: files and folders of the results, or their addresses.
        error: what failed, where a part of the work did.
        doubts: what is doubtful about masks made of prompts, a line each.
        was_there: all was finished before.
    """

    frames: int = 0
    outputs: tuple[Path | str, ...] = ()
    error: str = ""
    doubts: tuple[str, ...] = ()
    was_there: bool = False

    @property
    def code(self) -> int:
        """The exit code."""
        return PARTLY if self.error else DONE

    def as_json(self, code: int, seconds: float, error: str) -> str:
        """Writes one JSON object in a line: state, frames, seconds, outputs, and why where something failed.

        Args:
            code: the exit code.
            seconds: that it took.
            error: why it ended early.
        """
        known: dict[str, object] = {
            "state": _STATES.get(code, "failed"),
            "frames": self.frames,
            "seconds": round(seconds, 3),
            "outputs": [str(path) for path in self.outputs],
        }
        if self.doubts:
            known["doubts"] = list(self.doubts)
        why = error or self.error
        return json.dumps({**known, "error": why} if why else known)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what there is by then: ``outcome``."""

    def __init__(self, text: str, outcome: Outcome) -> None:
        super().__init__(text)
        self.outcome = outcome


def together(outcomes: Iterable[Outcome], error: str = "") -> Outcome:
    """Joins the outcomes of several runs.

    Args:
        outcomes: of those that came to an end.
        error: what became of the others.
    """
    outcomes = list(outcomes)
    errors = [*(outcome.error for outcome in outcomes), error]
    return Outcome(
        sum(outcome.frames for outcome in outcomes),
        tuple(dict.fromkeys(path for outcome in outcomes for path in outcome.outputs)),
        "; ".join(filter(None, errors)),
        tuple(line for outcome in outcomes for line in outcome.doubts),
    )
