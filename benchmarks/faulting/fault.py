"""What happens to a run, and how it ends."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """What happens to a run.

    Attributes:
        at_event: the signal comes at the n-th time that Python opens a file to write, renames or deletes.
        after: or after so many seconds.
        signal: which.
        of_process: after those seconds it goes to one of the processes that the run has begun.
        removes: instead of the signal this file goes away.
        is_full: instead of the signal there is no space left from then on.
        state_every_frame: the state of the tracker is saved after each frame, not after seconds.
        limits: of the system, e.g. {"FSIZE": 1000}, see the module resource.
        stdout: "pipe", or "closed", "full" (a full device), "left" (a pipe whose reader has gone).
        encoding: of stdout and stderr.
        environ: environment variables that are set, or unset where None.
        stdin_closed: there is no standard input.
    """

    at_event: int | None = None
    after: float | None = None
    signal: int = signal.SIGKILL
    of_process: bool = False
    removes: str = ""
    is_full: bool = False
    state_every_frame: bool = False
    limits: dict[str, int] = field(default_factory=dict)
    stdout: str = "pipe"
    encoding: str = "utf-8"
    environ: dict[str, str | None] = field(default_factory=dict)
    stdin_closed: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        code, signal: one of them; the other is None.
        hung: it had to be killed.
        out, err: what it said.
        seconds: it took.
        events: how often it wrote, see :attr:`Fault.at_event`.
        peak: MiB of memory.
        learned: it began to practise on a reference.
    """

    code: int | None
    signal: int | None
    hung: bool
    out: str
    err: str
    seconds: float
    events: int = 0
    peak: float = 0.0
    learned: bool = False


NO_FAULT = Fault()
