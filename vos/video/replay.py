"""Writes what passes of the tracker have left on the disk, joined, in the order of the frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vos.io.frames import FrameSource
from vos.stages import Prefetch, StageTimes
from vos.structures import Frame, SegmentedFrame, TrackedFrame
from vos.video.join import BackwardPass, join
from vos.video.reference import Reference
from vos.video.resume import ResumeState
from vos.video.saved import SavedPass

READ_AHEAD = 4  # frames


@dataclass(frozen=True)
class Replay:
    """The results that are saved of a video.

    Attributes:
        source: the frames, read once more from the first one on.
        references: by position.
        passes: from further references backward, in their order.
        object_ids: of all references; an earlier run may have known fewer, or more.
        saved: what is kept of each pass: all frames before the first reference, and none or more from there on.
        merged: makes a frame's result of what several passes say, and the ids of its objects.
    """

    source: FrameSource
    references: Mapping[int, Reference]
    passes: Sequence[BackwardPass]
    object_ids: tuple[int, ...]
    saved: ResumeState
    merged: Callable[[TrackedFrame, Frame, tuple[int, ...]], SegmentedFrame]

    def results(self, times: StageTimes) -> Iterator[SegmentedFrame]:
        """Reads frames, timed, with their results."""
        start = min(self.references)
        count = start + len(self.saved.forward)
        if not count:
            return
        with Prefetch(times.each("read", self.source.frames(0, count)), READ_AHEAD, "read") as frames:
            for position, frame in enumerate(frames):
                if position < start:
                    yield self._result(position, frame, self.saved.backward, start - 1 - position)
                else:
                    yield self._result(position, frame, self.saved.forward, position - start)

    def _result(self, position: int, frame: Frame, saved: SavedPass, number: int) -> SegmentedFrame:
        """Reads a frame's result, the ``number``-th of a pass, or joins it with what other passes say."""
        ids = self.object_ids
        others = [each for each in self.passes if any(each.share(i, position) for i in ids)]
        if not others:
            return saved.read(number, frame, ids)
        given = self.references[position].label_map if position in self.references else None
        masks = [(each, self.saved.back_from(each.start).masks(each.start - 1 - position, ids)) for each in others]
        return self.merged(join(saved.masks(number, ids), masks, position, ids, given), frame, ids)
