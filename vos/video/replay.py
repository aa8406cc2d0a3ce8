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

    def results(self, times: StageTimes, positions: range | None = None) -> Iterator[SegmentedFrame]:
        """Reads frames, timed, with their results; of all that are saved, or at some positions where all is."""
        positions = range(min(self.references) + len(self.saved.forward)) if positions is None else positions
        if not positions:
            return
        frames = self.source.frames(positions.start, positions.stop)
        with Prefetch(times.each("read", frames), READ_AHEAD, "read") as ahead:
            for position, frame in zip(positions, ahead):
                yield self._result(position, frame)

    def has(self, position: int) -> bool:
        """Tells whether all that passes have to say about a frame is saved."""
        saved, number = self._saved_at(position)
        return number < len(saved) and all(
            each.start - 1 - position < len(self.saved.back_from(each.start)) for each in self._others(position)
        )

    def _saved_at(self, position: int) -> tuple[SavedPass, int]:
        """Finds the pass forward, or back from the first reference, and the number of the frame's result in it."""
        start = min(self.references)
        return (
            (self.saved.backward, start - 1 - position) if position < start else (self.saved.forward, position - start)
        )

    def _others(self, position: int) -> list[BackwardPass]:
        return [each for each in self.passes if any(each.share(i, position) for i in self.object_ids)]

    def _result(self, position: int, frame: Frame) -> SegmentedFrame:
        """Reads a frame's result, or joins it with what other passes say."""
        ids, others, (saved, number) = self.object_ids, self._others(position), self._saved_at(position)
        if not others:
            return saved.read(number, frame, ids)
        given = self.references[position].label_map if position in self.references else None
        masks = [(each, self.saved.back_from(each.start).masks(each.start - 1 - position, ids)) for each in others]
        return self.merged(join(saved.masks(number, ids), masks, position, ids, given), frame, ids)
