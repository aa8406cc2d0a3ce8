"""Lines that wait on the disk until the file that they belong to is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from typing_extensions import Self


class Spool:
    """Keeps lines in order, so that memory does not grow with the video; a context manager."""

    def __init__(self) -> None:
        self._opened: TextIO | None = None
        self._count = 0

    @property
    def _file(self) -> TextIO:
        if self._opened is None:
            self._opened = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed on exit
        return self._opened

    def add(self, line: str) -> None:
        """Adds a line."""
        self._file.write(line + "\n")
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def joined(self, separator: str) -> Iterator[str]:
        """Yields the lines, with the separator between them."""
        self._file.seek(0)
        for number, line in enumerate(self._file):
            yield (separator if number else "") + line.removesuffix("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._opened is not None:
            self._opened.close()
