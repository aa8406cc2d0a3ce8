"""Where results go: a folder of this disk, or one in a store, which gets them when all of them are there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath

from typing_extensions import Self

from vos.cli.outcome import Outcome
from vos.errors import VosError
from vos.io.atomic import writing_to
from vos.io.remote import cache_folder, file_name, is_web
from vos.io.sole_writer import locked
from vos.io.stores import Stored, is_stored
from vos.io.writers.choice import SUMMARY
from vos.io.written import NOTES

RECORD = f"{NOTES}/files.json"  # in the store: what vos has put there, and for which request
AWAY = ".vos-away"  # folder of the lock


@dataclass(frozen=True)
class ResultsPlace:
    """A folder of results.

    Attributes:
        path: on this disk, where they are made.
        url: of the folder in a store to which they go afterwards; empty where they stay.
    """

    path: Path
    url: str = ""

    @classmethod
    def of(cls, name: str | Path) -> Self:
        """Finds the place that ``output_dir=`` names.

        Raises:
            VosError: nothing can be written there.
        """
        text = str(name)
        if is_web(text):
            raise VosError(
                f"output_dir={text}: results cannot go to a web server; give a folder, or s3://bucket/folder"
            )
        if not is_stored(text):
            return cls(Path(name))
        url = text.rstrip("/")
        key = hashlib.sha256(url.encode()).hexdigest()[:24]
        return cls(cache_folder() / "results" / f"{key}-{file_name(url)}", url)

    def __truediv__(self, name: PurePath) -> ResultsPlace:
        if name == PurePath():
            return self
        return ResultsPlace(self.path / name, f"{self.url}/{name.as_posix()}" if self.url else "")

    def __str__(self) -> str:
        return self.url or str(self.path)

    @property
    def full_name(self) -> str:
        """Names it as no other place is named; those below it begin with this name."""
        return str(PurePosixPath(self.url)) if self.url else os.path.abspath(self.path)  # noqa: PTH100 - quicker

    def renamed(self, name: str) -> ResultsPlace:
        """The place beside it that is called so."""
        url = f"{self.url.rpartition('/')[0]}/{name}" if self.url else ""
        return ResultsPlace(self.path.with_name(name), url)

    def read(self, name: str) -> str:
        """Reads a text of finished results, wherever they are.

        Raises:
            VosError: the store does not have it.
        """
        return Stored.at(self.url).read(name).decode() if self.url else (self.path / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class _Record:
    """What vos has put into a folder of a store.

    Attributes:
        request: what the results were made for; empty as long as they are not all there.
        files: their bytes by their names.
        frames: that have results.
    """

    request: str = ""
    files: Mapping[str, int] = field(default_factory=dict)
    frames: int = 0

    @classmethod
    def read(cls, stored: Stored, there: Mapping[str, int]) -> Self:
        try:
            known = json.loads(stored.read(RECORD)) if RECORD in there else {}
            return cls(str(known.get("request", "")), dict(known.get("files", {})), int(known.get("frames", 0)))
        except (ValueError, TypeError, AttributeError):
            return cls()

    def write(self, stored: Stored) -> None:
        about = {"request": self.request, "files": dict(self.files), "frames": self.frames}
        stored.write(RECORD, json.dumps(about).encode())

    def is_ours(self, name: str, size: int) -> bool:
        """Tells whether vos wrote what is there under a name; what was broken off has any size."""
        return name in self.files and (not self.request or self.files[name] == size)


def put_away(place: ResultsPlace, request: Callable[[], str], work: Callable[[], Outcome], overwrite: bool) -> Outcome:
    """Makes results, and puts them into their store when they are complete; not again what is there already.

    Args:
        place: of the results.
        request: says for what they are made, see :func:`vos.cli.run_record.request_fingerprint`.
        work: makes them in ``place.path``.
        overwrite: whatever is there.

    Raises:
        VosError: the work failed; the store refuses, or holds something else.
    """
    if not place.url:
        return work()
    stored = Stored.at(place.url)
    lock = place.path / AWAY / "lock"
    with writing_to(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.callback(_remove_empty, lock.parent, place.path)
        stack.enter_context(locked(lock))
        wanted, there = request(), stored.sizes()
        record = _Record.read(stored, there)
        if there and not record.files:
            raise VosError(f"{place} holds files that no run of vos has put there; choose another output_dir")
        is_whole = all(there.get(name) == size for name, size in record.files.items())
        if wanted and record.request == wanted and is_whole and not overwrite:
            print(f"{place} is finished already, with the same options and input; overwrite=true redoes it")
            return Outcome(record.frames, was_there=True)
        outcome = work()
        names = sorted(_results(place.path))
        _put(stored, place.path, names, record, _Record(wanted, _results(place.path), outcome.frames))
        shutil.rmtree(place.path, ignore_errors=True)
    print(f"put into {place}: {len(names)} files")
    return replace(outcome, outputs=tuple(str(path).replace(str(place.path), place.url) for path in outcome.outputs))


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):  # holds something
            folder.rmdir()


def fetch_record(place: ResultsPlace, name: str) -> None:
    """Brings a list of results, which only grows, from its store to this disk, where it is added to.

    Raises:
        VosError: the store refuses or does not answer.
    """
    if place.url:
        stored = Stored.at(place.url)
        data = stored.read(name) if name in stored.sizes() else b""
        with writing_to(place.path):
            place.path.mkdir(parents=True, exist_ok=True)
            (place.path / name).write_bytes(data)


def put_record(place: ResultsPlace, name: str) -> None:
    """Puts a list of results back into its store, if there is one."""
    if place.url and (place.path / name).exists():
        Stored.at(place.url).write(name, (place.path / name).read_bytes())


def _results(folder: Path) -> dict[str, int]:
    """Lists the files of results with their bytes; without notes, which are of this disk."""
    names = {path: path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {name.as_posix(): path.stat().st_size for path, name in names.items() if name.parts[0] not in (NOTES, AWAY)}


def _put(stored: Stored, folder: Path, names: list[str], before: _Record, after: _Record) -> None:
    """Puts all files there, the summary last; or none, if that fails."""
    there = stored.sizes()
    if strangers := [name for name in names if name in there and not before.is_ours(name, there[name])]:
        raise VosError(
            f"{stored.url}/{strangers[0]} would be replaced, but no run of vos has put it there; choose "
            "another output_dir"
        )
    _Record("", {**before.files, **after.files}).write(stored)
    ours = [name for name in there if before.is_ours(name, there[name])]
    stored.remove([SUMMARY] * (SUMMARY in ours) + [name for name in ours if name not in after.files])
    begun: list[str] = []
    try:
        stored.put(folder, [name for name in names if name != SUMMARY], begun.append)
        stored.put(folder, [name for name in names if name == SUMMARY], begun.append)
        after.write(stored)
    except BaseException:
        with suppress(VosError):
            stored.remove([*begun])
        raise
