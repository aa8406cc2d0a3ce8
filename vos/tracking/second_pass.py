"""The way back: every frame once more, last one first, with what the tracker has learned on the way out."""

from __future__ import annotations

from collections.abc import Callable

from vos.structures import Frame, ImageEmbedding, TrackedFrame
from vos.tracking.config import SecondPassConfig
from vos.tracking.fusion import fuse
from vos.tracking.tracker import Tracker


class SecondPass:
    """Leads a tracker back over the frames that it has followed, and fuses both answers on each.

    Args:
        tracker: as it was after the last frame; or on its way back already, restored by :meth:`Tracker.restore`.
        config: of the fusion.
        first: gives the first pass's answer on the frame with an index.
        end: index of the frame with which the first pass ended, where the way back begins.
    """

    def __init__(
        self, tracker: Tracker, config: SecondPassConfig, first: Callable[[int], TrackedFrame], end: int
    ) -> None:
        self.tracker, self.config, self.first, self.end = tracker, config, first, end

    def step(self, embedding: ImageEmbedding, frame: Frame) -> TrackedFrame:
        """Follows the objects into the frame before; returns what both passes together say about it."""
        first = self.first(frame.index)
        if frame.index == self.end:
            self.tracker.turn()
            return first  # nothing has come since
        if first.given is not None:
            second = self.tracker.revisit(embedding, first.given, frame)
        else:
            second = self.tracker.step(embedding, frame)
        return fuse(first, second, self.config)
