"""The results of a video, one frame after the other: an iterator that closes what it has opened."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from typing_extensions import Self

from vos.api.result import Result
from vos.io.frames import FrameSource
from vos.structures import SegmentedFrame


class Results(Iterator[Result]):
    """Iterates over the frames' results, once, in constant memory.

    Work begins with the first frame asked for and runs a few frames ahead. Files and threads are closed after the last
    frame, after an error, by :meth:`close`, at the end of a ``with`` block, and when nobody holds the results any more.

    Attributes:
        source: the frames: ``source.size`` (H, W), ``source.fps``, ``source.count``.
        about: how the results came about, as ``summary.json`` has it.
        files: what is read meanwhile, each with the word for it.
    """

    def __init__(
        self,
        source: FrameSource,
        begin: Callable[[bool], AbstractContextManager[Iterable[SegmentedFrame]]],
        about: Mapping[str, object],
        files: Sequence[tuple[str, Path]] = (),
        has_pictures: bool = True,
    ) -> None:
        self.source, self.about, self.files, self._has_pictures = source, about, files, has_pictures
        self._begin, self._with_alpha = begin, False
        self._items: Iterator[SegmentedFrame] | None = None
        self._stack = ExitStack()
        self._stack.callback(source.close)
        self._finalizer = weakref.finalize(self, self._stack.close)  # which knows nothing of self

    def with_alpha(self) -> Self:
        """Lets soft masks be made with the masks rather than when they are first asked for; returns itself."""
        self._with_alpha = True
        return self

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Result:
        """Returns the next frame's result.

        Raises:
            VosError: the frames cannot be read, or the reference does not fit them.
        """
        if self.is_closed:
            raise StopIteration
        try:
            if self._items is None:
                self._items = iter(self._stack.enter_context(self._begin(self._with_alpha)))
            return Result(next(self._items), self._has_pictures)
        except BaseException:
            self.close()
            raise

    @property
    def is_closed(self) -> bool:
        """Returns whether there is nothing more to come: all was read, or closed."""
        return not self._finalizer.alive

    def close(self) -> None:
        """Ends the work and closes files and threads; what was not asked for is not done."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        count, (height, width) = self.source.count, self.source.size
        return f"Results({self.source.path}: {'?' if count is None else count} frames of {width} x {height})"
