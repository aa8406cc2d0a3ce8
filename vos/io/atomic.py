"""Files that appear under their final name only when they are complete."""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vos.errors import VosError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Gives a temporary name beside ``path`` to write to, file or folder; renames it on success, removes it on failure.

    The temporary name keeps the suffix, from which writers choose their format. An existing file is replaced;
    an existing folder is replaced as a whole. Missing parent folders are made.

    Raises:
        VosError: the disk is full, or the place cannot be written.
    """
    with writing_to(path), temporary_path(path) as temporary:
        yield temporary


@contextmanager
def temporary_path(path: str | Path) -> Iterator[Path]:
    """:func:`atomic_path` for bodies whose own OSErrors are not about ``path``: these pass unchanged."""
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.partial{path.suffix}")
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with writing_to(path):
            _replace(temporary, path)
    finally:
        _remove(temporary)


@contextmanager
def writing_to(path: str | Path) -> Iterator[None]:
    """Turns the system's errors of writing ``path`` into one line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            text = f"the disk is full while writing {path}; free some space or choose another output_dir"
        else:
            text = f"cannot write {path} ({error.strerror or error}); choose another output_dir"
        raise VosError(text) from error


def _replace(temporary: Path, path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        temporary.replace(path)
        return
    old = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
    path.replace(old)
    try:
        temporary.replace(path)
    except OSError:
        old.replace(path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
