"""What every output has in common: a context manager that takes segmented frames and appears only when complete."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from vos.errors import VosError
from vos.io.atomic import temporary_path, writing_to
from vos.structures import SegmentedFrame

if TYPE_CHECKING:
    from typing_extensions import Self


class Writer(ABC):
    """Writes one output, which stands under its final name after a clean exit only; an exception leaves nothing.

    Args:
        path: final name of the file or folder.

    Attributes:
        remark: what a user should know of the output, once it is complete.
        finish: the last touch to the results before they are written.
    """

    remark: str = ""
    finish: Callable[[SegmentedFrame], SegmentedFrame] | None = None

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.frames_written = 0
        self._stack = ExitStack()  # closes what a subclass opens, then renames or removes the temporary files

    def write(self, segmented: SegmentedFrame) -> None:
        """Adds one frame; frames come in order of time.

        Raises:
            VosError: the disk is full, or the place cannot be written.
        """
        if self.finish is not None:
            segmented = self.finish(segmented)
        with writing_to(self.path):
            self._write(segmented)
        self.frames_written += 1

    @abstractmethod
    def _write(self, segmented: SegmentedFrame) -> None: ...

    def _finish(self) -> None:  # noqa: B027 - most writers have nothing to add
        """Completes the output after the last frame."""

    def _temporary(self, path: Path) -> Path:
        """A temporary name for ``path``, renamed when the writer exits cleanly."""
        return self._stack.enter_context(temporary_path(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with writing_to(self.path):
            if kind is not None:
                self._stack.__exit__(kind, error, trace)
                return
            with self._stack:
                if self.frames_written == 0:
                    raise VosError(f"no frames to write to {self.path}")
                self._finish()


class TextWriter(Writer):
    """Writes one text file as the frames come."""

    _open: TextIO | None = None

    @property
    def _file(self) -> TextIO:
        if self._open is None:
            self._open = self._stack.enter_context(self._temporary(self.path).open("w", encoding="utf-8", newline="\n"))
        return self._open

    def _finish(self) -> None:
        self._file.flush()  # a full disk shows here, not after the rename


class FolderWriter(Writer):
    """Writes a folder, which appears as a whole when all frames are there, and replaces an earlier run's.

    Raises:
        VosError: a file of that name exists.
    """

    _made: Path | None = None

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        if self.path.exists() and not self.path.is_dir():
            raise VosError(f"{self.path} is a file; a folder is to be written there: choose another output_dir")

    @property
    def _folder(self) -> Path:
        """The folder under its temporary name."""
        if self._made is None:
            self._made = self._temporary(self.path)
            self._made.mkdir()
        return self._made
