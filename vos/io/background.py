"""What is put behind an object that is cut out: a colour, a picture, a clip, or the frame itself, blurred."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.frames import FrameSource, open_frames
from vos.io.readers.live import is_live_address
from vos.structures import Frame

if TYPE_CHECKING:
    from typing_extensions import Self

Rgb = npt.NDArray[np.uint8]  # (H, W, 3)
Colour = tuple[int, int, int]

COLOURS = {"white": (255, 255, 255), "gray": (128, 128, 128), "black": (0, 0, 0)}
BLUR = "blur"
SAME_TIME = 1e-6  # seconds


class Background:
    """Gives what stands behind each frame; a context manager.

    A clip begins with the first frame that is asked for and runs by its own times. A shorter one begins anew. Pictures
    and clips are scaled to cover the frame, and cut off evenly on both sides.

    Args:
        given: "blur", a colour (see :func:`parse_colour`), or the path of a picture or clip.

    Attributes:
        is_clip: it moves.

    Raises:
        VosError: none of these, or the file cannot be read.
    """

    def __init__(self, given: str) -> None:
        colour = parse_colour(given)
        self._fixed = BLUR if given.strip().lower() == BLUR else colour
        self._source: FrameSource | None = None
        self._frames: Iterator[Frame] = iter(())
        self._now: Frame | None = None
        self._next: Frame | None = None
        self._loop = self._first = 0.0  # seconds: when the clip began, anew or not, and its own first picture's time
        self._fitted: tuple[object, Rgb] | None = None
        if self._fixed is None:
            self._source = _opened(given)
        self.is_clip = self._source is not None and self._source.count != 1

    def at(self, time: float, size: SizeHW, sample_aspect: Fraction = Fraction(1)) -> Colour | Rgb | str:
        """Returns a colour, a picture of the size, uint8 (H, W, 3), or "blur".

        Args:
            time: of the frame in seconds; never smaller than the last time.
            size: (H, W) of the frame.
            sample_aspect: width / height of one of its pixels.
        """
        if self._source is None:
            assert self._fixed is not None
            return self._fixed
        picture, key = self._picture(self._source, time), (size, sample_aspect)
        if self._fitted is None or self._fitted[0] != (picture.index, key):
            aspect = float(self._source.sample_aspect / sample_aspect)
            self._fitted = (picture.index, key), covering(picture.rgb, size, aspect)
        return self._fitted[1]

    def _picture(self, source: FrameSource, time: float) -> Frame:
        if self._now is None:
            self._loop = time
            self._start(source)
        assert self._now is not None
        while self.is_clip:
            seconds = time - self._loop + SAME_TIME
            if self._next is not None and self._next.time - self._first <= seconds:
                self._now, self._next = self._next, next(self._frames, None)
            elif self._next is None and seconds >= (length := self._now.time - self._first + 1 / source.fps):
                self._loop += length
                self._start(source)
            else:
                break
        return self._now

    def _start(self, source: FrameSource) -> None:
        self._frames = source.frames()
        self._now, self._next = next(self._frames), next(self._frames, None)
        self._first = self._now.time

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._source is not None:
            self._source.close()


def background_file(given: str) -> Path | None:
    """Returns the file that a background is read from; None where it needs none."""
    return None if given.strip().lower() == BLUR or parse_colour(given) is not None else Path(given).expanduser()


def parse_colour(value: str) -> Colour | None:
    """Reads a word of ``COLOURS`` or ``#rrggbb``; None where it is neither."""
    word = value.strip().lower()
    digits = word.removeprefix("#")
    if word in COLOURS or len(digits) != 6 or any(digit not in "0123456789abcdef" for digit in digits):
        return COLOURS.get(word)
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def covering(picture: Rgb, size: SizeHW, aspect: float = 1.0) -> Rgb:
    """Scales a picture so that it covers a frame, and cuts off what is too much, as much on either side.

    Args:
        picture: uint8 (H, W, 3).
        size: (H, W) of the frame.
        aspect: how much wider the picture's pixels are than the frame's.
    """
    height, width = picture.shape[:2]
    scale = max(size[0] / height, size[1] / (width * aspect))
    scaled = max(size[0], round(height * scale)), max(size[1], round(width * aspect * scale))
    if scaled != (height, width):
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        picture = np.asarray(cv2.resize(picture, scaled[::-1], interpolation=kind), np.uint8)
    top, left = (scaled[0] - size[0]) // 2, (scaled[1] - size[1]) // 2
    return np.ascontiguousarray(picture[top : top + size[0], left : left + size[1]])


def _opened(given: str) -> FrameSource:
    choice = f"give blur, a colour ({', '.join(COLOURS)}, #rrggbb), a picture or a clip"
    if not given.strip() or given.startswith("#"):
        raise VosError(f"background={given} is {'no colour' if given.strip() else 'empty'}; {choice}")
    if is_live_address(given) or (file := background_file(given)) is None or not file.exists():
        raise VosError(f"background={given} is not there; {choice}")
    try:
        return open_frames(given)
    except VosError as error:
        raise VosError(f"background={given}: {error}") from error
