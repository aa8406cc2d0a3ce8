"""A folder of results has one run at a time, and what a killed run left half-written there goes away."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from vos.errors import VosError
from vos.io.atomic import remove, remove_leftovers, writing_to
from vos.io.written import LOCK, NOTES, Written, owner_of

RESUME = "resume"  # folder in the notes: what an interrupted or corrected run goes on from

try:
    import fcntl
except ImportError:  # Windows: runs are not kept apart there
    fcntl = None  # type: ignore[assignment]


class BusyError(VosError):
    """Another process writes into the folder; later it will not."""


@contextmanager
def sole_writer(
    folder: Path,
    outputs: Sequence[str],
    *,
    source: str = "",
    targets: Iterable[Path] | None = None,
    inputs: Iterable[tuple[str, Path]] = (),
    is_chosen: bool = True,
    stale: Sequence[str] = (),
) -> Iterator[AbstractContextManager[list[str]]]:
    """Keeps other runs out of ``folder``, and this one away from what no run of vos wrote there.

    The system frees the lock when the process ends, however that happens: a killed run stops nobody. What killed runs
    left of writing ``outputs`` is removed, and so are folders that were made for it and stay empty.

    Args:
        folder: of the results; made where it is missing.
        outputs: names of the files and folders in it that runs of this program write, as glob patterns.
        source: what the results are made from.
        targets: the files and folders that this run is going to write; None = all ``outputs`` that there are.
        inputs: option and path of everything that the run reads.
        is_chosen: the user has named the folder.
        stale: names of ``outputs`` that the run is to remove where earlier ones have left them.

    Yields:
        What removes all that is stale when it is left without an error, and gives its names.

    Raises:
        VosError: another process writes there, the folder cannot be written, holds the results of another source (and
            was not chosen), lies among the results of another, or holds something that would be lost.
    """
    notes = folder / NOTES
    if (owner := owner_of(folder)) is not None:
        raise VosError(f"{folder} lies among the results in {owner}; choose another output_dir")
    made = [one for one in (notes, folder, *folder.parents) if not one.exists()]
    try:
        with ExitStack() as stack:
            with writing_to(folder):
                Written(folder)  # before anything changes: are the notes ours?
                notes.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(notes / LOCK))
            written = Written(folder)
            if not is_chosen and written.source not in (None, source):
                raise VosError(f"{folder} holds the results of {written.source}; give {source} another output_dir=")
            mine = _found(folder, outputs) if targets is None else list(targets)
            others = [path for path in _found(folder, stale) if path not in mine and written.holds(path)]
            written.check([*mine, *others], inputs)
            written.remove_half_written()
            remove_leftovers(folder, outputs)
            with writing_to(folder):
                stack.enter_context(written.active(source))
            yield _removing(others)
    finally:
        for one in (notes, *made):
            with suppress(OSError):  # holds results
                one.rmdir()


def _found(folder: Path, names: Sequence[str]) -> list[Path]:
    return list(dict.fromkeys(path for name in names for path in sorted(folder.glob(name))))


@contextmanager
def _removing(paths: Sequence[Path]) -> Iterator[list[str]]:
    yield [path.name for path in paths]
    for path in paths:
        remove(path)


def tidy_notes(folder: Path) -> None:
    """Removes what a run left half-written that was killed when everything was done; what belongs to a live one stays.

    Args:
        folder: of finished results.
    """
    with suppress(VosError, OSError), locked(folder / NOTES / LOCK):
        Written(folder).remove_half_written()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other processes that want this lock out; it is in a folder of the folder that is meant.

    Raises:
        BusyError: another process has it.
        VosError: the file is something else.
    """
    file = _locked(path)
    if re.search(r"[^\d\0]", file.read(20)):  # not a process: a power failure leaves it empty, or zeros
        file.close()
        raise VosError(f"{path} was not made by vos; move it away, or choose another output_dir")
    try:
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is locked: it is still ours
        with suppress(OSError):  # a full disk
            file.close()


def _locked(path: Path) -> TextIO:
    """Opens and locks ``path``; again if its owner has removed it in between."""
    while True:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        file = os.fdopen(os.open(path, flags, 0o644), "r+", encoding="ascii", errors="replace")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = file.read().strip() or "unknown"
            file.close()
            raise BusyError(
                f"{path.parent.parent} is being written by another run (process {owner}); wait for it, or choose "
                "another output_dir"
            ) from error
        except OSError:  # a file system without locks
            return file
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        file.close()
