"""Video files with PyAV (FFmpeg): streaming with threads, and exact random access by seeking."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from vos.errors import VosError
from vos.io.readers.base import Damage, FrameSource
from vos.io.readers.decoder import AV_ERRORS, VideoDecoder, local
from vos.io.readers.frame_index import FrameIndex, index_frames
from vos.io.readers.picture import (
    STANDARD,
    Conversion,
    UprightRgb,
    colour_space_of,
    deinterlaced,
    display_matrix,
    has_alpha,
    notes_of,
    transfer_of,
)
from vos.io.readers.promise import damage_of
from vos.structures import Frame


class PyAvSource(FrameSource):
    """Reads a video file with PyAV. Every pass opens it anew, so passes do not disturb each other.

    ``Frame.time`` is the presentation time stamp times ``time_base``, as the container has it.

    Args:
        path: of the file.
        conversion: how decoded frames become pictures.
        shown_as: what the user calls it; None = as it is.

    Attributes:
        is_turned: the file asks for its pictures to be rotated or flipped, which has been done.
        is_opaque: it has no transparency.

    Raises:
        VosError: not a video, too large, or no frame decodes.
    """

    def __init__(self, path: str, conversion: Conversion = STANDARD, shown_as: str | None = None) -> None:
        self._file, self.conversion, self.files = path, conversion, (Path(path),)
        self.path = path = path if shown_as is None else shown_as
        with VideoDecoder(local(self._file), path) as decoder:
            first = next(decoder.decode(), None)
            if first is None:
                raise VosError(f"{path} holds no frame that can be decoded; is it complete?")
            self.size = UprightRgb(path)(first)[0].shape[:2]
            self.is_turned = display_matrix(first) != (1, 0, 0, 1)
            self.is_opaque = not has_alpha(first)
            self.notes = notes_of(first, conversion)
            self.hdr = transfer_of(first) if conversion.hdr == "keep" else None
            self.colour_space = colour_space_of(first, decoder.stream.codec_context, conversion)
            self._deinterlace = first.interlaced_frame and conversion.deinterlace == "auto"
            self._describe(decoder, swapped=display_matrix(first)[0] == 0)  # by a quarter turn

    def _describe(self, decoder: VideoDecoder, swapped: bool) -> None:
        stream, container = decoder.stream, decoder.container
        self.fps = decoder.rate
        self.time_base = stream.time_base or Fraction(1, 90_000)
        if stream.duration is not None:
            self.duration = float(stream.duration * self.time_base)
        elif container.duration is not None:
            self.duration = container.duration / 1e6  # av.time_base
        if stream.frames > 0:
            self.count = stream.frames
        elif self.duration is not None:
            self.count = max(1, round(self.duration * self.fps))
        else:
            self.count = len(self._index.pts) if self._index is not None else None
        aspect = stream.codec_context.sample_aspect_ratio or Fraction(1)
        self.sample_aspect = 1 / aspect if swapped and aspect else aspect

    def position_at(self, seconds: float) -> int:
        """See :meth:`FrameSource.position_at`. Decodes nothing where the file tells its frames apart by time."""
        return super().position_at(seconds) if self._index is None else self._index.position_at(seconds, self.time_base)

    def times(self) -> list[float]:
        """See :meth:`FrameSource.times`. Decodes nothing where the file tells its frames apart by time."""
        return (
            super().times()
            if self._index is None
            else [float(pts * self.time_base) for pts in self._index.pts.tolist()]
        )

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """See :meth:`FrameSource.frames`. A damaged file yields what decodes, then logs one warning."""
        upright = UprightRgb(self.path, self.hdr is not None)
        time = -1 / self.fps
        for index, decoded in self._decoded(start, stop):
            time = time + 1 / self.fps if decoded.pts is None else float(decoded.pts * self.time_base)
            yield Frame(index, f"{index:05d}", time, *upright(decoded))

    def _decoded(self, start: int, stop: int | None) -> Iterator[tuple[int, Any]]:
        """Yields (index, av.VideoFrame): by seeking where that is exact, else by decoding from the start."""
        if stop is not None and stop <= start:
            return
        position = start
        if start > 0 and self._index is not None:
            if start >= len(self._index.pts):
                return
            for position, decoded in self._after_seek(self._index, start):
                yield position, decoded
                position += 1
                if position == stop:
                    return
            if position > start and position == len(self._index.pts):
                return
        with VideoDecoder(local(self._file), self.path) as decoder:
            index = position - 1
            for index, decoded in islice(enumerate(self._pictures(decoder)), position, stop):
                yield index, decoded
            if stop is None:
                self.tell_damage(damage_of(decoder, self._file), index + 1)

    def _after_seek(self, index: FrameIndex, start: int) -> Iterator[tuple[int, Any]]:
        """Seeks before ``start`` and yields from it on; ends early where the frames do not follow the index."""
        first_needed = max(0, start - 1) if self._deinterlace else start  # fields are compared with the frame before
        for target in index.seek_targets(first_needed):
            with VideoDecoder(local(self._file), self.path) as decoder:
                try:
                    decoder.container.seek(target, stream=decoder.stream)
                except AV_ERRORS:
                    continue
                expected: int | None = None
                for decoded in self._pictures(decoder):
                    position = index.position(decoded.pts)
                    if position is None or (position > first_needed if expected is None else position != expected):
                        break  # landed behind the start, or these frames are not the index's
                    expected = position + 1
                    if position >= start:
                        yield position, decoded
                if expected == len(index.pts):
                    self.tell_damage(Damage(decoder.damaged, index.missing), expected)
                if expected is not None and expected > start:
                    return

    def _pictures(self, decoder: VideoDecoder) -> Iterator[Any]:
        return deinterlaced(decoder.decode(), self.time_base) if self._deinterlace else decoder.decode()

    @cached_property
    def _index(self) -> FrameIndex | None:
        return index_frames(self._file)
