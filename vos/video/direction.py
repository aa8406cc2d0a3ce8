"""One pass of the tracker over the frames, forward or backward: which frames, which references, when to save."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from vos.errors import VosError
from vos.io.frames import FrameSource
from vos.structures import Frame
from vos.tracking.tracker import Tracker
from vos.video.reference import Reference
from vos.video.resume import Checkpoint, ResumeState, SavedDirection

STATE_INTERVAL = 5.0  # seconds of work that an interruption may cost


class Direction:
    """One pass over the frames, and what is saved of it.

    The tracker's state is saved at the boundaries of batches only: whoever goes on must encode the same frames
    together, for the make-up of a batch can change the last bit of an embedding.

    Args:
        source: the frames.
        references: in the order of the frames; both directions begin at the first one.
        saved: keeps results and states, and holds those of an earlier run; None = nothing is kept.
        batch_size: frames encoded together.
        is_backward: from the first reference to the first frame, rather than to the end.

    Attributes:
        start: position of the first reference among the frames.
    """

    def __init__(
        self,
        source: FrameSource,
        references: Sequence[Reference],
        saved: SavedDirection | None,
        batch_size: int,
        is_backward: bool = False,
    ) -> None:
        self.source, self.saved, self.batch_size, self.is_backward = source, saved, batch_size, is_backward
        self.first_reference = references[0].frame_index
        self.start = source.position(self.first_reference)
        self.references = {reference.frame_index: reference for reference in references}
        self.resumed_from = Checkpoint() if saved is None else saved.checkpoint
        self.consumed = self.resumed_from.consumed  # frames that the tracker has seen
        self._saved_at, self._is_between_frames = 0.0, True

    def frames(self) -> Iterator[Frame]:
        """Reads the frames that the tracker has not seen yet, in the order of tracking."""
        if self.is_backward:
            return self.source.reversed_frames(self.start - self.consumed)
        return self.source.frames(self.start + self.consumed)

    def reference_at(self, frame: Frame) -> Reference | None:
        """Returns what the user gives for the frame."""
        return self.references.get(frame.index)

    def has_result(self, frame: Frame) -> bool:
        """Says whether the frame's result counts: both directions begin at the first reference, and forward has it."""
        return not (self.is_backward and frame.index == self.first_reference)

    @contextmanager
    def resumable(self, tracker: Tracker) -> Iterator[None]:
        """Restores the tracker, and saves its state at the end or on Ctrl-C, which on live input ends the video.

        Raises:
            VosError: there was no frame at all.
        """
        if self.resumed_from.state:
            tracker.restore(self.resumed_from.state)
        self._saved_at = time.monotonic()
        try:
            yield
        except KeyboardInterrupt:
            if self.source.is_live:
                return
            if self.saved is not None and self._is_settled(len(self.saved)):
                self.saved.save(Checkpoint(self.consumed, tracker.state()))
            raise
        if not self.consumed:
            raise VosError(f"there is no frame {self.first_reference} in this video; choose another ref_frame")
        if self.saved is not None:
            self.saved.save(Checkpoint(self.consumed, tracker.state(), done=True))

    @contextmanager
    def next_frame(self) -> Iterator[None]:
        """Counts a frame. Whoever is interrupted in here leaves the tracker between two states, and none is saved."""
        self._is_between_frames = False
        yield
        self.consumed += 1
        self._is_between_frames = True

    def checkpoint_if_due(self, tracker: Tracker) -> Checkpoint | None:
        """Takes the tracker's state if it is time to save it."""
        is_due = time.monotonic() - self._saved_at > STATE_INTERVAL and self.consumed % self.batch_size == 0
        if self.saved is None or not is_due:
            return None
        self._saved_at = time.monotonic()
        return Checkpoint(self.consumed, tracker.state())

    def _is_settled(self, results: int) -> bool:
        """Says whether the tracker's state belongs to the ``results`` that are saved, and a batch ends there."""
        complete = results == self.consumed - self.is_backward  # the first reference has its result forward
        return self._is_between_frames and complete and self.consumed > 0 and self.consumed % self.batch_size == 0


def plan(
    source: FrameSource, references: Sequence[Reference], saved: ResumeState | None, batch_size: int
) -> list[Direction]:
    """Plans the passes: forward from the first reference; before it backward, if that is not on the first frame.

    Further references correct the forward direction where they are given.

    Args:
        source: the frames.
        references: in the order of the frames.
        saved: what is kept of each direction; None = nothing.
        batch_size: frames encoded together.

    Raises:
        VosError: a reference is outside of the video, or needs random access where there is none.
    """
    positions = [source.position(reference.frame_index) for reference in references]
    if (start := positions[0]) > 0 and source.is_live:
        wrong = references[0].frame_index
        raise VosError(f"ref_frame={wrong} needs a video file or folder; live input begins at its reference (0)")
    for position in positions:
        if position > 0 and not source.is_live:
            source.frame(position)  # fails now rather than after an hour
    backward, forward = (None, None) if saved is None else (saved.backward, saved.forward)
    directions = [Direction(source, references, forward, batch_size)]
    if start > 0:
        directions.insert(0, Direction(source, references[:1], backward, batch_size, is_backward=True))
    return directions
