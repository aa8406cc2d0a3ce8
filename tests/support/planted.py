"""Programs with known faults, for tests of the suite that looks for faults."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from faulting.sandbox import Program


def fail() -> int:
    raise KeyError("planted")


def idle() -> int:
    return 0


def planted(main: Callable[[], int], folder: Path, monkeypatch: pytest.MonkeyPatch, work: str = "work") -> Program:
    """A sandbox whose command is ``main``, without the models of the real one."""
    program = object.__new__(Program)
    program._main = {"run": main}
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # pytest's own threads do not matter to these
    (folder / work).mkdir()
    return program
