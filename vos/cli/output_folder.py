"""A folder of results has one run at a time, and what a killed run left half-written there goes away."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from vos.cli.compose import Run
from vos.errors import VosError
from vos.io.atomic import remove_leftovers, writing_to

try:
    import fcntl
except ImportError:  # Windows: runs are not kept apart there
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


def output_folder(run: Run[Any], name: str, source: str) -> Path:
    """Says where a run writes: ``output_dir``, or outputs/<name>; in a sweep a folder inside it for each combination.

    Args:
        run: whose config has ``output_dir``.
        name: what the source is called; characters that are awkward in a path are replaced.
        source: the option that names the source; a sweep over it needs no folder beyond the name's.
    """
    given, name = run.config.output_dir, re.sub(r"[^\w.()+-]+", "-", name).strip("-.") or source
    if not run.overrides or any(word.startswith("output_dir=") for word in run.overrides):
        return Path(given or f"outputs/{name}").expanduser()
    apart = ",".join(word for word in run.overrides if not word.startswith(f"{source}="))
    return Path(given or "outputs").expanduser() / name / re.sub(r"[^\w.=,+-]+", "_", apart)


@contextmanager
def sole_writer(folder: Path, outputs: Sequence[str]) -> Iterator[None]:
    """Keeps other runs out of ``folder``, and first removes what killed ones left of writing ``outputs``.

    The lock is a file with the process id. The system frees it when the process ends, however that happens, so that
    the file of a killed run stops nobody. Folders that were made for it and stay empty are removed again.

    Args:
        folder: of the results; made where it is missing.
        outputs: names of the files and folders in it that the run may write, as glob patterns.

    Raises:
        VosError: another process writes there, or the folder cannot be written.
    """
    path = folder / LOCK
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = _locked(path)
    try:
        with writing_to(path):
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        remove_leftovers(folder, outputs)
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is locked: it is still ours
        with suppress(OSError):  # a full disk, told above
            file.close()
        for one in made:
            with suppress(OSError):  # holds results
                one.rmdir()


def _locked(path: Path) -> TextIO:
    """Opens and locks ``path``; again if its owner has removed it in between."""
    while True:
        file = path.open("a+", encoding="ascii", errors="replace")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise VosError(
                f"{path.parent} is being written by another run (process {owner}); wait for it, or choose another "
                "output_dir"
            ) from error
        except OSError:  # a file system without locks
            return file
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        file.close()
