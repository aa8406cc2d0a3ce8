"""Which frame of a video has which time, and where decoding can start: the basis of exact random access."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from vos.io.readers.base import SAME_TIME
from vos.io.readers.decoder import VideoDecoder, local
from vos.io.readers.promise import missing_frames


@dataclass(frozen=True)
class FrameIndex:
    """Holds the presentation times of all frames.

    Attributes:
        pts: int64 (T,), ascending, in units of the stream's time base.
        keys: (pts, seek target) of the packets at which decoding can start, ascending by pts.
        missing: frames that the container promised and does not hold.
    """

    pts: npt.NDArray[np.int64]
    keys: tuple[tuple[int, int], ...]
    missing: int

    def position(self, pts: int | None) -> int | None:
        """Finds the frame number of a presentation time, None if there is no such frame."""
        if pts is None:
            return None
        rank = int(np.searchsorted(self.pts, pts))
        return rank if rank < len(self.pts) and self.pts[rank] == pts else None

    def position_at(self, seconds: float, time_base: Fraction) -> int:
        """Finds the first frame that is shown ``seconds`` after frame 0 or later, by the stream's ``time_base``."""
        wanted = int(self.pts[0]) + math.ceil((seconds - SAME_TIME) / time_base)
        return int(np.searchsorted(self.pts, wanted))

    def seek_targets(self, start: int) -> list[int]:
        """Lists where to seek, in the order to try, so that decoding passes over frame ``start``."""
        return [target for pts, target in self.keys if pts <= self.pts[start]][::-1]


def index_frames(path: str) -> FrameIndex | None:
    """Reads all packets of a video file (without decoding where that is exact) and indexes its frames.

    Returns None when the file does not tell its frames apart by time; then only decoding from the start is exact.
    """
    with VideoDecoder(local(path), path) as decoder:
        if decoder.times_by_order and decoder.stream.codec_context.has_b_frames:
            return None
        packets = [(p.pts, p.dts, p.is_keyframe) for p in decoder.demux() if decoder.shows(p)]
        index = _checked(packets, missing_frames(decoder, path))
    if index is not None:
        return index
    with VideoDecoder(local(path), path) as decoder:
        frames = [(frame.pts, frame.pts, frame.key_frame) for frame in decoder.decode()]
        return _checked(frames, missing_frames(decoder, path))


def _checked(items: list[tuple[int | None, int | None, bool]], missing: int) -> FrameIndex | None:
    """Sorts (pts, dts, is a key frame) into an index; None where the times do not tell the frames apart."""
    known = [(pts, pts if dts is None else min(pts, dts), is_key) for pts, dts, is_key in items if pts is not None]
    times = np.unique([pts for pts, _, _ in known]).astype(np.int64)
    if not known or len(times) != len(items):
        return None
    return FrameIndex(times, tuple(sorted((pts, target) for pts, target, is_key in known if is_key)), missing)
