"""Writing what is on disk already: legs that went backward, and what an interrupted run has left."""

from __future__ import annotations

from collections.abc import Callable

from vos.io.frames import FrameSource
from vos.stages import Prefetch, StageTimes
from vos.structures import SegmentedFrame
from vos.video.resume import Journal

READ_AHEAD = 4  # frames


def replay(
    source: FrameSource,
    start: int,
    journal: Journal,
    write: Callable[[SegmentedFrame], None],
    twice: bool,
    timings: StageTimes,
) -> None:
    """Gives the journal's results away, in the order of the frames.

    Args:
        source: the frames, from the first one on again.
        start: index of the first reference: what is before it was tracked backward.
        journal: holds the results of all frames before ``start``, and of none or more from there on.
        write: takes a result.
        twice: the results are those of a second pass.
        timings: of reading.
    """
    count = start + len(journal.forward)
    if not count:
        return
    # Each leg with the frame that it begins at.
    legs = (journal.backward, start - 1), (journal.forward, start)
    if twice:
        legs = (journal.backward_return, 0), (journal.forward_return, count - 1)
    with Prefetch(timings.each("read", source.frames(0, count)), READ_AHEAD, "read") as frames:
        for frame in frames:
            leg, begin = legs[frame.index >= start]
            write(leg.read(abs(frame.index - begin), frame))
