"""The file that says what runs of vos wrote into a folder, a line each; in two copies."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

COPIES = ("written.jsonl", "written.copy.jsonl")  # two, so that damage to one makes no result a stranger's


class Stamp(NamedTuple):
    """A file as it was written."""

    size: int
    changed: int
    digest: str


class WrittenFile:
    """Reads and writes both copies.

    Args:
        notes: the folder that they are in.
    """

    def __init__(self, notes: Path) -> None:
        self.notes = notes

    def read(self) -> tuple[str | None, dict[str, list[Stamp]], bool]:
        """Reads what is intact: the latest source, the stamps of each path, and whether it is a record of vos."""
        source: str | None = None
        known: dict[str, list[Stamp]] = {}
        is_marked = False
        for name in COPIES:
            with suppress(OSError):
                for line in (self.notes / name).read_text(encoding="utf-8", errors="replace").splitlines():
                    with suppress(ValueError, KeyError, TypeError):  # cut, or damaged
                        row = json.loads(line)
                        if "vos" in row:
                            is_marked, source = True, str(row["source"])
                        else:
                            stamp = Stamp(int(row["size"]), int(row["changed"]), str(row["digest"]))
                            known.setdefault(str(row["path"]), []).append(stamp)
        return source, known, is_marked

    def begin(self, header: Mapping[str, object]) -> None:
        """Notes that a run begins; a new record appears as a whole: it is what says whose notes these are."""
        if any((self.notes / name).exists() for name in COPIES):
            self.append([header])
        else:
            self.rewrite([header])

    def append(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Adds lines; when this returns, the disk holds them."""
        text = "".join(f"\n{json.dumps(row)}" for row in rows)  # first the end of a line that may have been cut
        for name in COPIES:
            with (self.notes / name).open("ab", buffering=0) as file:
                rest = text.encode()
                while rest:  # a full disk shows on the second try
                    rest = rest[file.write(rest) :]
                if name == COPIES[0]:  # one is enough after a power failure
                    os.fsync(file.fileno())

    def rewrite(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Replaces all lines; without any, there is no record any more."""
        for name in COPIES:
            path, temporary = self.notes / name, self.notes / f".{name}.partial"
            if rows:
                try:
                    temporary.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
                    temporary.replace(path)
                finally:
                    temporary.unlink(missing_ok=True)
            else:
                path.unlink(missing_ok=True)

    def remove_half_written(self) -> None:
        """Removes what a killed run left of writing it; nobody else may be writing it."""
        for path in self.notes.glob(".written.*.partial"):
            path.unlink(missing_ok=True)
