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
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _replace(temporary, path)
    except OSError as error:
        raise _as_vos_error(path, error) from error
    finally:
        _remove(temporary)


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


def _as_vos_error(path: Path, error: OSError) -> VosError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return VosError(f"the disk is full while writing {path}; free some space or choose another output_dir")
    return VosError(f"cannot write {path} ({error.strerror or error}); choose another output_dir")
