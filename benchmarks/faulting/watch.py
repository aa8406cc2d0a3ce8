"""Watches what a run writes: sends the signal of its fault when it is due, and keeps the run in its folder.

The suite may run as root, and a run that goes wrong may replace anything, device files included. A run that reaches for
something outside of the suite's folder ends there, before it does.
"""

from __future__ import annotations

import errno
import importlib
import mmap
import os
import resource
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

from faulting.fault import Fault

CHANGES = {"os.remove", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree", "os.chmod", "os.utime"}
MOVES = {"os.rename", "os.link", "os.symlink", "shutil.move"}
COUNTED = {
    "open",
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.link",
    "os.symlink",
    "shutil.rmtree",
}
COUNTER = struct.Struct("<Q?")  # in shared memory: how often was written, whether a reference was practised on
LEFT = 99  # exit code of a run that would have left its folder


def plant(fault: Fault, folder: Path, counter: mmap.mmap) -> None:
    """Sets the limits of a fault, and counts what is written until its signal is due."""
    if fault.state_every_frame:
        import vos.video.direction as direction

        direction.STATE_INTERVAL = 0.0
    roots = tuple(os.path.realpath(root) + os.sep for root in (folder.parent, tempfile.gettempdir()))
    below, seen, due = os.path.realpath(folder), 0, fault.at_event

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        paths = touched(event, arguments)
        for path in paths:
            if not (path + os.sep).startswith(roots):
                os.write(2, f"the run leaves its folder: {event} {path}\n".encode(errors="replace"))
                os._exit(LEFT)
        if event not in COUNTED or not paths or not paths[0].startswith(below):
            return
        seen += 1
        counter[:8] = seen.to_bytes(8, "little")
        if due is not None and seen > due:
            _happen(fault, folder, is_first=seen == due + 1)

    sys.addaudithook(on_event)
    _note_learning(counter)
    for name, limit in fault.limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


def _happen(fault: Fault, folder: Path, is_first: bool) -> None:
    """Does what is due, once; only a disk stays full."""
    if fault.is_full:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    if is_first and fault.removes:
        (folder / fault.removes).unlink(missing_ok=True)
    elif is_first:
        os.kill(os.getpid(), fault.signal)


def _note_learning(counter: mmap.mmap) -> None:
    tracker: Any = importlib.import_module("vos.tracking.persam_tracker")
    adapt = tracker.adapt

    def noted(model: Any, frame: Any, reference: Any, config: Any) -> Any:
        counter[8:] = bytes([config.enabled])
        return adapt(model, frame, reference, config)

    tracker.adapt = noted


def touched(event: str, arguments: tuple[Any, ...]) -> list[str]:
    """The real paths that an event of Python's is about to make, change, replace or delete; of reading none.

    Devices may be opened, not replaced. A name inside of a folder that is given by its descriptor is not followed: the
    event of deleting the folder has come before.
    """
    if event == "open":
        path, _, flags = arguments
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        if not writes or not isinstance(path, (str, bytes, os.PathLike)):
            return []
        real = os.path.realpath(os.fsdecode(path))
        return [] if real.startswith("/dev/") and os.path.exists(real) else [real]  # noqa: PTH110
    if event in CHANGES or event in MOVES:
        given = arguments[: 2 if event in MOVES else 1]
        by_descriptor = any(isinstance(value, int) and value >= 0 for value in arguments[len(given) :])
        named = [os.fsdecode(value) for value in given if isinstance(value, (str, bytes, os.PathLike))]
        if by_descriptor and event not in ("os.chmod", "os.mkdir"):
            named = [name for name in named if os.path.isabs(name)]  # noqa: PTH117
        if event == "os.symlink":
            named = named[1:]  # where it points to is not touched
        return [_real(name) for name in named]
    return []


def _real(path: str) -> str:
    """The path with links resolved except the last: that one is replaced or deleted itself."""
    head, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
    return os.path.join(os.path.realpath(head), name)  # noqa: PTH118
