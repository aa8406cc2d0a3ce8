"""Folders of the cache that processes share: written once and whole, with the hashes of their files."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from vos.download import sha256_of
from vos.sam.weights import remembered_sha256

_HASHES = "sha256"
_STALE = 24 * 3600.0  # seconds


def is_whole(folder: Path) -> bool:
    """Tells whether a folder is there as :func:`keep` wrote it."""
    try:
        hashes = (folder / _HASHES).read_text(encoding="utf-8")
        names = [line.split("  ", 1)[1] for line in hashes.splitlines()]
        return bool(names) and hashes == _hashes(folder, names, remembered_sha256)
    except (OSError, ValueError, IndexError):
        return False


def keep(folder: Path, write: Callable[[Path], None]) -> None:
    """Writes files and their hashes under a temporary name, then gives the folder its own.

    Two processes may do so at once: the first to finish names the folder. One that is damaged is replaced.

    Args:
        folder: its final name.
        write: writes the files into the folder that it is given.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob("*.partial"):  # of processes that were killed
        if time.time() - left.stat().st_mtime > _STALE:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(suffix=".partial", dir=folder.parent, ignore_cleanup_errors=True) as partial:
        made = Path(partial, "made")
        made.mkdir()
        write(made)
        names = sorted(path.name for path in made.iterdir())
        (made / _HASHES).write_text(_hashes(made, names, sha256_of), encoding="utf-8")
        if folder.exists() and not is_whole(folder):
            folder.rename(Path(partial, "damaged"))
        try:
            made.rename(folder)
        except OSError:
            if not is_whole(folder):  # otherwise another process was faster
                raise


def _hashes(folder: Path, names: list[str], hash_of: Callable[[Path], str]) -> str:
    return "".join(f"{hash_of(folder / name)}  {name}\n" for name in names)
