"""What every input looks like to the rest of the program: a source of frames."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.colour_space import SRGB, ColourSpace
from vos.structures import Frame

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

REVERSE_BYTES = 128 * 1024 * 1024  # decoded RGB held at once while reading backwards
REVERSE_FRAMES = 64
# Of files that count as videos where a folder stands for all that is in it.
_VIDEOS = ".avi .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .webm .wmv"
VIDEO_SUFFIXES = tuple(_VIDEOS.split())
SAME_TIME = 0.0005  # seconds: times in Matroska are whole milliseconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Damage:
    """Counts what is wrong with a video: frames that are damaged, and frames that are missing."""

    damaged: int = 0
    missing: int = 0

    def __bool__(self) -> bool:
        return bool(self.damaged or self.missing)

    def __str__(self) -> str:
        parts = {"damaged": self.damaged, "missing": self.missing}
        return ", ".join(f"frames {word}: {count}" for word, count in parts.items() if count)


class FrameSource(ABC):
    """Streams the frames of an opened input, one in memory at a time; a context manager.

    A source that is not live may be iterated any number of times. Positions count its frames from 0 without gaps. They
    are the frames' own numbers, except in an excerpt (``vos.video.excerpt``), whose frames keep those of the clip.

    Attributes:
        path: where the frames come from, as given by the user.
        size: (H, W) of every frame in pixels, upright.
        count: number of frames as the container states or implies it, an estimate where it does not say;
            None for live input.
        fps: average frames per second.
        time_base: unit of the source's own clock in seconds; every ``Frame.time`` is a multiple of it.
        duration: seconds from the first frame's start to the last frame's end as stated, or None.
        sample_aspect: width / height of one pixel.
        is_live: a camera or stream: one pass from its start, no end known.
        notes: how the frames were made fit to look at, where that is more than decoding; a clause each.
        colour_space: of the pictures, of the HDR ones where they are kept.
        hdr: "pq" or "hlg" where the frames carry their HDR pictures.
        damage: what the frames that were read to the end lack; nothing before.
        first: number of the frame at position 0.
        ends_early: the clip goes on after the last frame.
        files: what is read, a video or images in their order; none of live input and pictures in memory.
        holds: what has to stay as long as it is open.
    """

    path: str
    size: SizeHW
    count: int | None
    fps: float
    time_base: Fraction
    duration: float | None = None
    sample_aspect: Fraction = Fraction(1)
    is_live: bool = False
    notes: tuple[str, ...] = ()
    colour_space: ColourSpace = SRGB
    hdr: str | None = None
    damage: Damage = Damage()
    first: int = 0
    ends_early: bool = False
    files: tuple[Path, ...] = ()
    holds: AbstractContextManager[object] = nullcontext()

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Streams the positions ``start, start + 1, ... stop - 1`` (to the end if None), ending early at the last one.

        Raises:
            VosError: the input cannot be read, or not from ``start``.
        """

    def __iter__(self) -> Iterator[Frame]:
        return self.frames(0, None)

    def position(self, index: int) -> int:
        """Finds the position of the frame that has the number ``index``.

        Raises:
            VosError: it is not among the frames.
        """
        return index

    def position_at(self, seconds: float) -> int:
        """Finds the first frame that is shown ``seconds`` after the frame at position 0, or later.

        Returns:
            Its position, or the number of frames where there is none.
        """
        position, begin = -1, 0.0
        for position, frame in enumerate(self.frames()):
            begin = frame.time if position == 0 else begin
            if frame.time - begin >= seconds - SAME_TIME:
                return position
        return position + 1

    def times(self) -> list[float]:
        """Lists the time of every frame in seconds. Decodes them all where the input does not tell it otherwise."""
        return [frame.time for frame in self.frames()]

    def reversed_frames(self, start: int) -> Iterator[Frame]:
        """Streams the positions ``start, start - 1, ... 0``; memory is bounded by decoding in chunks.

        Raises:
            VosError: there is no frame ``start``, or the source is live.
        """
        chunk = max(1, min(REVERSE_FRAMES, REVERSE_BYTES // (3 * self.size[0] * self.size[1])))
        for stop in range(start + 1, 0, -chunk):
            begin = max(0, stop - chunk)
            frames = list(self.frames(begin, stop))
            if len(frames) != stop - begin:
                raise self.no_such_frame(stop - 1)
            while frames:
                yield frames.pop()

    def frame(self, index: int) -> Frame:
        """Decodes the frame at one position.

        Raises:
            VosError: there is no such frame, or the source is live.
        """
        for frame in self.frames(index, index + 1) if index >= 0 else ():
            return frame
        raise self.no_such_frame(index)

    def no_such_frame(self, index: int) -> VosError:
        """Makes the error for a frame number outside of the source."""
        return VosError(f"{self.path} has no frame {index}; it has {self.count} frames, numbered from 0")

    def tell_damage(self, damage: Damage, count: int) -> None:
        """Keeps what a source lacks of which ``count`` frames could be read to the end, and warns of it once."""
        if damage and not self.damage:
            log.warning("%s is not complete: %s; %d frames could be read", self.path, damage, count)
        self.damage = damage

    def close(self) -> None:
        """Releases files and devices."""
        self.holds.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
