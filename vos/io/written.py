"""What runs of vos wrote into a folder, as the proof that it may be replaced: nothing else ever is.

A folder of results has a folder of notes, ``.vos``, with a line for each file that appeared under its final name: path,
size, time of change and hash. The line comes before the file, so that a killed run leaves no file that nobody knows.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vos.errors import VosError
from vos.io.written_file import COPIES, Stamp, WrittenFile

NOTES = ".vos"
LOCK = "lock"
HALF_WRITTEN = re.compile(r"\..*\.[0-9a-f]{8}\.(partial|old).*")  # names of vos.io.atomic
NO_LOSS = (".DS_Store", "Thumbs.db", "desktop.ini")  # what file managers leave


class Written:
    """The record of one folder of results. What is written while it is :meth:`active` is added to it.

    Attributes:
        folder: of the results.
        source: what they were made from, as the latest run has said.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes = folder.resolve(), folder / NOTES
        self._file = WrittenFile(self.notes)
        self.source, self._known, self._has_record = self._file.read()
        others = [name for name in _names(self.notes) if name != LOCK and not name.startswith(".written.")]
        links = [path for path in (self.notes, *self.notes.glob("*")) if path.is_symlink()]  # would be written through
        if links or (others and not self._has_record):
            raise VosError(f"{self.notes} was not made by vos; move it away, or choose another output_dir")

    def check(self, targets: Iterable[Path], inputs: Iterable[tuple[str, Path]]) -> None:
        """Makes sure that nothing is lost if the targets are replaced.

        Args:
            targets: files and folders that a run is going to write.
            inputs: option and path of everything that it reads.

        Raises:
            VosError: one of them is not ours, or is an input.
        """
        real = {target.parent.resolve() / target.name for target in targets}
        for option, path in inputs:
            if not real.isdisjoint((path.resolve(), *path.resolve().parents)):
                raise VosError(f"{option}={path} lies where this run would write; choose another output_dir")
        for stranger in (one for target in sorted(real) for one in self._strangers(target)):
            why = self._whose(stranger)
            raise VosError(f"{stranger} would be replaced, but {why}; move it away, or choose another output_dir")

    def remove_half_written(self) -> None:
        """Removes what a killed run left of writing the record; nobody else may be writing it."""
        self._file.remove_half_written()

    def claim(self, temporary: Path, target: Path) -> None:
        """Notes that a file, or all files in a folder, are about to appear at ``target``.

        Raises:
            VosError: something there is not ours.
        """
        self.check([target], [])
        rows = {}
        for path in _files(temporary):
            name = (target.parent.resolve() / target.name / path.relative_to(temporary)).relative_to(self.folder)
            status = path.stat()
            stamp = Stamp(status.st_size, status.st_mtime_ns, _digest(path))
            self._known.setdefault(name.as_posix(), []).append(stamp)
            rows[name.as_posix()] = stamp
        self._file.append([{"path": name, **stamp._asdict()} for name, stamp in rows.items()])

    @contextmanager
    def active(self, source: str) -> Iterator[None]:
        """Adds to the record what :mod:`vos.io.atomic` writes in the folder; in the end only what is there stays."""
        from vos import __version__

        self.source = source
        header: dict[str, object] = {"vos": __version__, "source": source}
        self._file.begin(header)
        _active[self.folder] = self
        try:
            yield
        finally:
            del _active[self.folder]
            there = [name for name in sorted(self._known) if (self.folder / name).is_file()]
            stamps = {name: self._proof(self.folder / name) or self._known[name][-1] for name in there}
            rows = [{"path": name, **stamp._asdict()} for name, stamp in stamps.items()]
            is_empty = not rows and set(_names(self.notes)) <= {LOCK, *COPIES}
            with suppress(OSError):  # a full disk: the longer record is right, too
                self._file.rewrite([] if is_empty else [header, *rows])

    def wrote(self, path: Path) -> bool:
        """Tells whether a run of vos wrote the file at a path in the folder, as it is now."""
        path = path.parent.resolve() / path.name
        return path.is_relative_to(self.folder) and self._proof(path) is not None

    def changed(self, path: Path) -> list[Path]:
        """Lists the files at a path or below it that runs of vos wrote, and that were changed since."""
        files = _files(path.parent.resolve() / path.name)
        return [one for one in files if self._name(one) in self._known and self._proof(one) is None]

    def holds(self, path: Path) -> bool:
        """Tells whether a run of vos wrote the file at a path, or one below it."""
        name = self._name(path.parent.resolve() / path.name)
        return any(known == name or known.startswith(f"{name}/") for known in self._known)

    def sync(self) -> None:
        """Waits until the disk holds all that is noted, so that what vouches for it does not outlive it."""
        paths = [self.folder / name for name in self._known]
        for path in (*paths, *sorted({path.parent for path in paths})):
            with suppress(OSError):  # gone, or a system that cannot: Windows has no folders to sync
                file = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(file)
                finally:
                    os.close(file)

    def _proof(self, path: Path) -> Stamp | None:
        """Finds the line that says that a run of vos wrote this file as it is."""
        known = self._known.get(self._name(path), [])
        if not known or path.is_symlink() or not path.is_file():
            return None
        status = path.stat()
        if status.st_size == 0:  # what a power failure leaves of a file; nothing is lost with it
            return Stamp(0, status.st_mtime_ns, "")
        alike = [stamp for stamp in known if stamp.size == status.st_size]
        if unchanged := [stamp for stamp in alike if stamp.changed == status.st_mtime_ns]:
            return unchanged[0]
        if not alike or (digest := _digest(path)) not in {stamp.digest for stamp in alike}:
            return None
        known.append(Stamp(status.st_size, status.st_mtime_ns, digest))  # a copy: with this time it is not read again
        return known[-1]

    def _name(self, path: Path) -> str:
        """Names a file in the folder, whose path is resolved, as the record does."""
        return path.relative_to(self.folder).as_posix()

    def _whose(self, stranger: Path) -> str:
        """Says why a file must not be replaced."""
        if self._name(stranger) in self._known:
            return "it was changed since vos wrote it"
        if self._has_record or not holds_results(self.folder):
            return "it is yours: no run of vos wrote it"
        return "nothing says that a run of vos wrote it (runs before 0.4.0 kept no record)"

    def _strangers(self, target: Path) -> Iterator[Path]:
        """Finds what is not ours at a path or below it, links included."""
        for path in _files(target):
            is_left_over = any(HALF_WRITTEN.fullmatch(part) for part in path.relative_to(self.folder).parts)
            if not is_left_over and path.name not in NO_LOSS and self._proof(path) is None:
                yield path


def holds_results(folder: Path) -> bool:
    """Tells whether a run of vos has written into a folder, from 0.3.0 on."""
    marks = ((folder / NOTES / name, b'"vos"') for name in COPIES)
    for path, mark in (*marks, (folder / "album.json", b'"checkpoint"'), (folder / "summary.json", b'"checkpoint"')):
        with suppress(OSError), path.open("rb") as file:
            if mark in file.read(2048):
                return True
    return False


def owner_of(folder: Path) -> Path | None:
    """Finds the folder of results whose own files lie where a folder is, or around it; None = there is none."""
    folder = folder.resolve()
    for parent in folder.parents:
        first = f"{folder.relative_to(parent).parts[0]}/"
        if any(name.startswith(first) for name in WrittenFile(parent / NOTES).read()[1]):
            return parent
    return None


_active: dict[Path, Written] = {}  # by folder; writers on all threads find theirs here


def record_of(path: Path) -> Written | None:
    """Finds the active record of the folder in which a file or folder is about to appear; of notes, there is none."""
    parent = path.parent.resolve()
    for folder in (parent, *parent.parents):
        if folder in _active:
            inside = (parent / path.name).relative_to(folder).parts[:-1]
            is_no_result = any(part == NOTES or HALF_WRITTEN.fullmatch(part) for part in inside)
            return None if is_no_result else _active[folder]
    return None


def _files(path: Path) -> Iterator[Path]:
    """Lists a file or link itself, or all files and links below a folder."""
    if path.is_dir() and not path.is_symlink():
        for root, folders, names in os.walk(path):
            links = [name for name in folders if (Path(root) / name).is_symlink()]
            yield from (Path(root) / name for name in sorted([*names, *links]))
    elif os.path.lexists(path):
        yield path


def _names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208


def _digest(path: Path) -> str:
    found = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()
