"""Pictures from memory as a source of frames: a list, a stack, or a generator that makes them as they are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from fractions import Fraction
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.io.readers.base import FrameSource
from vos.io.readers.folder import FOLDER_FPS
from vos.structures import Frame

NAME = "<frames>"  # no file is called so


class ArraySource(FrameSource):
    """Streams pictures of one size, each a copy: whoever makes them may use the memory again.

    What can be iterated but once, as a generator, is live: one pass from its start. A list, a stack (N, H, W, 3) or a
    reader with ``len()`` and numbers, as decord's, can be read again and from anywhere.

    Args:
        pictures: uint8 (H, W, 3) RGB each; NumPy arrays, or what has ``numpy()`` or ``asnumpy()`` (torch, decord).
        fps: frames per second; pictures carry no time of their own.

    Raises:
        VosError: there is no picture, or the first is none.
    """

    def __init__(self, pictures: Iterable[object], fps: float = FOLDER_FPS) -> None:
        if not 0 < fps <= 1000:
            raise VosError(f"fps={fps} is no rate; give frames per second, above 0 and up to 1000")
        self.path, self._pictures = NAME, pictures
        if not isinstance(pictures, Iterable) and not hasattr(pictures, "__getitem__"):
            raise VosError(f"a {type(pictures).__name__} holds no frames; give a path, or an iterable of pictures")
        iterator = iter(pictures)
        self.is_live = iterator is pictures
        try:
            first = next(iterator)
        except StopIteration:
            raise VosError("there are no frames: the iterable is empty") from None
        self._rest = chain([first], iterator) if self.is_live else None
        self.size = as_picture(first, 0).shape[:2]
        self.count = None if self.is_live or not isinstance(pictures, Sized) else len(pictures)
        rate = Fraction(fps).limit_denominator(1001)
        self.fps, self.time_base = float(rate), 1 / rate

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """See :meth:`FrameSource.frames`. A picture of another size than the first is a VosError that names it."""
        for index, item in enumerate(self._items(start, stop), start):
            rgb = as_picture(item, index)
            if rgb.shape[:2] != self.size:
                raise VosError(
                    f"frame {index} is {rgb.shape[0]}x{rgb.shape[1]}, but the first one is {self.size[0]}x"
                    f"{self.size[1]} (height x width); all frames must have one size"
                )
            yield Frame(index, f"{index:05d}", float(index * self.time_base), rgb)

    def _items(self, start: int, stop: int | None) -> Iterator[object]:
        if self.is_live:
            if start != 0 or self._rest is None:
                raise VosError("an iterator gives its frames once, from the start; give a list to read them again")
            rest, self._rest = self._rest, None
            return islice(rest, stop)
        if self.count is not None and hasattr(self._pictures, "__getitem__"):
            numbers = range(start, self.count if stop is None else min(stop, self.count))
            return (self._pictures[number] for number in numbers)
        return islice(iter(self._pictures), start, stop)


def as_picture(item: object, index: int) -> npt.NDArray[np.uint8]:
    """Copies a picture, from NumPy, torch or decord, to uint8 (H, W, 3).

    Raises:
        VosError: it is something else; ``index`` names it.
    """
    if hasattr(item, "asnumpy"):
        item = item.asnumpy()
    elif hasattr(item, "detach"):
        item = item.detach().cpu().numpy()
    try:
        picture = np.array(item, copy=True)
    except ValueError:  # a list of this and that
        picture = np.zeros(())
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        kind = f"{picture.dtype} {picture.shape}" if picture.ndim else type(item).__name__
        raise VosError(f"frame {index} is {kind}; give uint8 arrays (H, W, 3), RGB")
    return picture
