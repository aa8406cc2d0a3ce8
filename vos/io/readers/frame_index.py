"""Which frame of a video has which time, and where decoding can start: the basis of exact random access."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vos.io.readers.decoder import AV_ERRORS, VideoDecoder, local

# Packets of these codecs can be invisible, so counting packets does not count frames.
HIDDEN_PACKET_CODECS = frozenset({"vp8"})


@dataclass(frozen=True)
class FrameIndex:
    """Holds the presentation times of all frames.

    Attributes:
        pts: int64 (T,), ascending, in units of the stream's time base.
        keys: (pts, seek target) of the packets at which decoding can start, ascending by pts.
    """

    pts: npt.NDArray[np.int64]
    keys: tuple[tuple[int, int], ...]

    def position(self, pts: int | None) -> int | None:
        """Finds the frame number of a presentation time, None if there is no such frame."""
        if pts is None:
            return None
        rank = int(np.searchsorted(self.pts, pts))
        return rank if rank < len(self.pts) and self.pts[rank] == pts else None

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
        if decoder.stream.codec_context.name in HIDDEN_PACKET_CODECS:
            return _decoded(decoder)
        pts: list[int | None] = []
        keys: list[tuple[int, int]] = []
        try:
            for packet in decoder.container.demux(decoder.stream):
                if packet.size == 0 or packet.is_discard:  # the flush packet; frames cut away by an edit list
                    continue
                pts.append(packet.pts)
                if packet.is_keyframe and packet.pts is not None:
                    keys.append((packet.pts, packet.pts if packet.dts is None else min(packet.pts, packet.dts)))
        except AV_ERRORS:
            pass  # a truncated file: the frames before the cut
    index = _checked(pts, keys)
    if index is None:
        with VideoDecoder(local(path), path) as decoder:
            return _decoded(decoder)
    return index


def _decoded(decoder: VideoDecoder) -> FrameIndex | None:
    frames = [(frame.pts, frame.key_frame) for frame in decoder.decode()]
    return _checked([pts for pts, _ in frames], [(pts, pts) for pts, is_key in frames if is_key and pts is not None])


def _checked(pts: list[int | None], keys: list[tuple[int, int]]) -> FrameIndex | None:
    known = [p for p in pts if p is not None]
    if not known or len(known) != len(pts) or len(set(known)) != len(known):
        return None
    return FrameIndex(np.sort(np.asarray(known, dtype=np.int64)), tuple(sorted(keys)))
