"""The part of a clip that is wanted: from one frame or time to another, every frame or every n-th."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import islice
from numbers import Integral, Real

from vos.errors import VosError
from vos.io.frames import FrameSource
from vos.structures import Frame

Moment = int | float  # a frame number, or seconds from the clip's first frame
FORMS = "write a frame number such as 300, or a time such as 00:12.5"


class Excerpt(FrameSource):
    """Streams some frames of another source, which keep their numbers, names and times.

    Args:
        clip: the whole.
        start: position of the first frame that is wanted.
        stop: position after the last one; None = the clip's end.
        every: 2 takes every second frame, and so on.
    """

    def __init__(self, clip: FrameSource, start: int, stop: int | None, every: int) -> None:
        self.clip, self.start, self.stop, self.every = clip, start, stop, every
        for name in ("path", "size", "time_base", "sample_aspect", "is_live", "notes", "colour_space", "hdr", "files"):
            setattr(self, name, getattr(clip, name))
        self.fps = clip.fps / every
        self.first = clip.first + start
        end = clip.count if stop is None or (clip.count is not None and clip.count < stop) else stop
        self.count = None if end is None else len(range(start, end, every))
        self.duration = None if self.count is None else self.count / self.fps
        self.ends_early = end is not None and end == stop and stop != clip.count

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """See :meth:`FrameSource.frames`."""
        ends = [self.stop, None if stop is None else self.start + stop * self.every]
        end = min((end for end in ends if end is not None), default=None)
        yield from islice(self.clip.frames(self.start + start * self.every, end), 0, None, self.every)
        self.damage = self.clip.damage

    def times(self) -> list[float]:
        """See :meth:`FrameSource.times`."""
        return self.clip.times()[self.start : self.stop : self.every]

    def position(self, index: int) -> int:
        """See :meth:`FrameSource.position`."""
        position, rest = divmod(self.clip.position(index) - self.start, self.every)
        if position < 0 or rest or (self.stop is not None and index >= self.clip.first + self.stop):
            raise self.no_such_frame(index)
        return position

    def no_such_frame(self, index: int) -> VosError:
        """See :meth:`FrameSource.no_such_frame`."""
        return VosError(f"frame {index} is not among {self}; choose another to show the objects in, or another part")

    def close(self) -> None:
        """Closes the clip."""
        self.clip.close()

    def __str__(self) -> str:
        """Says which frames these are."""
        last = None if self.count is None else self.first + (self.count - 1) * self.every
        each = f" in steps of {self.every}" * (self.every > 1)
        return f"the frames {self.first} to {'the end' if last is None else last}{each} of {self.path}"


def excerpt(
    clip: FrameSource, start: Moment | str | None = None, end: Moment | str | None = None, every: int = 1
) -> FrameSource:
    """Cuts a part out of a clip; the clip itself where all of it is wanted.

    Moments are frame numbers, or times from the clip's first frame on: seconds as a float, or text such as "00:12.5".
    A file is not decoded up to ``start`` where it can be sought in.

    Args:
        clip: an open source.
        start: first frame; None = the clip's.
        end: the frame after the last one; None = the clip's end.
        every: 2 takes every second frame, and so on.

    Raises:
        VosError: a moment that is none or beyond the clip, or no frame between the two.
    """
    if every < 1:
        raise VosError(f"every={every} takes no frame; 1 takes each, 2 every second one")
    first, stop = _position(clip, "start", start), _position(clip, "end", end)
    if (first or 0, stop, every) == (0, None, 1):
        return clip
    if clip.is_live and first:
        raise VosError(f"start={start} needs a file or a folder; {clip.path} is live and begins at its first frame")
    if first and next(clip.frames(first, first + 1), None) is None:
        raise VosError(f"start={start} is beyond the end of {clip.path}, which has {clip.count} frames{_length(clip)}")
    if stop is not None and stop <= (first or 0):
        raise VosError(f"there is no frame between start={start or 0} and end={end}, which is left out itself")
    return Excerpt(clip, first or 0, stop, every)


def _length(clip: FrameSource) -> str:
    return "" if clip.count is None else f" ({clip.count / clip.fps:.2f} seconds)"


def _position(clip: FrameSource, option: str, moment: Moment | str | None) -> int | None:
    """Finds the position of a moment in the clip; None stays None.

    Raises:
        VosError: it is no frame number and no time, or one of a live input's, whose times are not known before.
    """
    if moment is None:
        return None
    if isinstance(value := read_moment(option, moment), int):
        return clip.position(value)
    if clip.is_live:
        return math.ceil(value * clip.fps)
    return clip.position_at(value)


def read_moment(option: str, moment: Moment | str) -> Moment:
    """Reads a frame number, "[hours:]minutes:seconds" or a float of seconds.

    Raises:
        VosError: it is none of them.
    """
    if isinstance(moment, str):
        if re.fullmatch(r"\d{1,9}", moment.strip(), re.ASCII):
            return int(moment)
        found = re.fullmatch(r"(?:(\d{1,3}):)?(\d{1,4}):(\d{1,2}(?:\.\d+)?)", moment.strip(), re.ASCII)
        if found is None or float(found[3]) >= 60:
            raise VosError(f"{option}={moment} is no frame and no time; {FORMS}")
        return 3600 * int(found[1] or 0) + 60 * int(found[2]) + float(found[3])
    if isinstance(moment, bool) or not isinstance(moment, Real) or not math.isfinite(moment) or moment < 0:
        raise VosError(f"{option}={moment} is no frame and no time; {FORMS}")
    return int(moment) if isinstance(moment, Integral) else float(moment)  # NumPy's numbers, too
