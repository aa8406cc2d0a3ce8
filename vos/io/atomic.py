"""Files that appear under their final name only when they are complete."""

from __future__ import annotations

import errno
import shutil
import stat
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vos.errors import VosError
from vos.io.written import record_of

# Names while writing. The key, 8 hexadecimal digits, keeps two writers of one file apart.
_PARTIAL, _OLD = ".{stem}.{key}.partial{suffix}", ".{name}.{key}.old"
_ANY_KEY = "[0-9a-f]" * 8


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Gives a temporary name beside ``path`` to write to, file or folder; renames it on success, removes it on failure.

    The temporary name keeps the suffix, from which writers choose their format. An existing file is replaced;
    an existing folder is replaced as a whole. Missing parent folders are made.

    Raises:
        VosError: the disk is full, the place cannot be written, or what stands there was not written by a run of vos.
    """
    with writing_to(path), temporary_path(path) as temporary:
        yield temporary


@contextmanager
def temporary_path(path: str | Path) -> Iterator[Path]:
    """Is :func:`atomic_path` for bodies whose own OSErrors are not about ``path``: these pass unchanged."""
    path = Path(path)
    _refuse_special(path)
    temporary = path.with_name(_PARTIAL.format(stem=path.stem, key=uuid.uuid4().hex[:8], suffix=path.suffix))
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with writing_to(path):
            if (written := record_of(path)) is not None:
                written.claim(temporary, path)
            _replace(temporary, path)
    finally:
        remove(temporary)


def _refuse_special(path: Path) -> None:
    """Raises a VosError where ``path`` is a device, pipe or socket: renaming would put a file in its place for all."""
    with suppress(OSError):  # nothing there, or nothing that may be looked at: writing will say so
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            raise VosError(f"cannot write {path}: it is a device, pipe or socket; name a file or folder")


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


def is_whole(path: Path) -> bool:
    """Tells whether a file is there, and is not what a power failure leaves of one: empty."""
    return path.is_file() and path.stat().st_size > 0


def remove_leftovers(folder: Path, names: Sequence[str]) -> None:
    """Removes what processes that were killed left of writing into ``folder``. Nobody else may be writing there.

    Args:
        folder: where the files and folders were to appear.
        names: their final names, as glob patterns; folders of these names are searched, too.
    """
    for name in names:
        stem, suffix = Path(name).stem, Path(name).suffix
        found = list(folder.glob(_PARTIAL.format(stem=stem, key=_ANY_KEY, suffix=suffix)))
        found += folder.glob(_OLD.format(name=name, key=_ANY_KEY))
        for below in (path for path in folder.glob(name) if path.is_dir()):
            found += below.rglob(_PARTIAL.format(stem="*", key=_ANY_KEY, suffix="*"))
            found += below.rglob(_OLD.format(name="*", key=_ANY_KEY))
        for path in found:
            remove(path)


def _replace(temporary: Path, path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        temporary.replace(path)
        return
    old = path.with_name(_OLD.format(name=path.name, key=uuid.uuid4().hex[:8]))
    path.replace(old)
    try:
        temporary.replace(path)
    except OSError:
        old.replace(path)
        raise
    remove(old)


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
