"""What runs of vos wrote into a folder, as the proof that it may be replaced: nothing else ever is.

A folder of results has a folder of notes, ``.vos``, with a line for each file that appeared under its final name: path,
size, time of change and hash. The line comes before the file, so that a killed run leaves no file that nobody knows.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from vos.errors import VosError

NOTES = ".vos"
LOCK = "lock"
_COPIES = ("written.jsonl", "written.copy.jsonl")  # two, so that damage to one makes no result a stranger's
HALF_WRITTEN = re.compile(r"\..*\.[0-9a-f]{8}\.(partial|old).*")  # names of vos.io.atomic
NO_LOSS = (".DS_Store", "Thumbs.db", "desktop.ini")  # what file managers leave


class Stamp(NamedTuple):
    """A file as it was written."""

    size: int
    changed: int
    digest: str


class Written:
    """The record of one folder of results. What is written while it is :meth:`active` is added to it.

    Attributes:
        folder: of the results.
        source: what they were made from, as the latest run has said.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes = folder.resolve(), folder / NOTES
        self.source: str | None = None
        self._known: dict[str, list[Stamp]] = {}
        is_marked = [self._read(self.notes / name) for name in _COPIES]
        others = [name for name in _names(self.notes) if name != LOCK and not name.startswith(".written.")]
        links = [path for path in (self.notes, *self.notes.glob("*")) if path.is_symlink()]  # would be written through
        if links or (others and not any(is_marked)):
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
            raise VosError(
                f"{stranger} would be replaced, and nothing says that a run of vos wrote it (runs before 0.4.0 kept no "
                "record); move it away, or choose another output_dir"
            )

    def remove_half_written(self) -> None:
        """Removes what a killed run left of writing the record; nobody else may be writing it."""
        for path in self.notes.glob(".written.*.partial"):
            path.unlink(missing_ok=True)

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
        self._append([{"path": name, **stamp._asdict()} for name, stamp in rows.items()])

    @contextmanager
    def active(self, source: str) -> Iterator[None]:
        """Adds to the record what :mod:`vos.io.atomic` writes in the folder; in the end only what is there stays."""
        from vos import __version__

        self.source = source
        header: dict[str, object] = {"vos": __version__, "source": source}
        if any((self.notes / name).exists() for name in _COPIES):
            self._append([header])
        else:
            self._rewrite([header])  # as a whole: it is what says whose notes these are
        _active[self.folder] = self
        try:
            yield
        finally:
            del _active[self.folder]
            proofs = {name: self._proof(self.folder / name) for name in sorted(self._known)}
            rows = [{"path": name, **stamp._asdict()} for name, stamp in proofs.items() if stamp is not None]
            is_empty = not rows and set(_names(self.notes)) <= {LOCK, *_COPIES}
            with suppress(OSError):  # a full disk: the longer record is right, too
                self._rewrite([] if is_empty else [header, *rows])

    def wrote(self, path: Path) -> bool:
        """Tells whether a run of vos wrote the file at a path in the folder, as it is now."""
        path = path.parent.resolve() / path.name
        return path.is_relative_to(self.folder) and self._proof(path) is not None

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
        known = self._known.get(path.relative_to(self.folder).as_posix(), [])
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

    def _strangers(self, target: Path) -> Iterator[Path]:
        """Finds what is not ours at a path or below it, links included."""
        for path in _files(target):
            is_left_over = any(HALF_WRITTEN.fullmatch(part) for part in path.relative_to(self.folder).parts)
            if not is_left_over and path.name not in NO_LOSS and self._proof(path) is None:
                yield path

    def _read(self, path: Path) -> bool:
        """Reads what is intact of a copy; says whether it is a record of vos at all."""
        is_marked = False
        with suppress(OSError):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, KeyError, TypeError):  # cut, or damaged
                    row = json.loads(line)
                    if "vos" in row:
                        is_marked, self.source = True, str(row["source"])
                    else:
                        stamp = Stamp(int(row["size"]), int(row["changed"]), str(row["digest"]))
                        self._known.setdefault(str(row["path"]), []).append(stamp)
        return is_marked

    def _append(self, rows: Sequence[dict[str, object]]) -> None:
        text = "".join(f"\n{json.dumps(row)}" for row in rows)  # first the end of a line that may have been cut
        for name in _COPIES:
            with (self.notes / name).open("ab", buffering=0) as file:
                rest = text.encode()
                while rest:  # a full disk shows on the second try
                    rest = rest[file.write(rest) :]
                if name == _COPIES[0]:  # one is enough after a power failure
                    os.fsync(file.fileno())

    def _rewrite(self, rows: Sequence[dict[str, object]]) -> None:
        for name in _COPIES:
            path, temporary = self.notes / name, self.notes / f".{name}.partial"
            if rows:
                try:
                    temporary.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
                    temporary.replace(path)
                finally:
                    temporary.unlink(missing_ok=True)
            else:
                path.unlink(missing_ok=True)


def holds_results(folder: Path) -> bool:
    """Tells whether a run of vos has written into a folder, from 0.3.0 on."""
    marks = ((folder / NOTES / name, b'"vos"') for name in _COPIES)
    for path, mark in (*marks, (folder / "album.json", b'"checkpoint"'), (folder / "summary.json", b'"checkpoint"')):
        with suppress(OSError), path.open("rb") as file:
            if mark in file.read(2048):
                return True
    return False


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
