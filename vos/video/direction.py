"""One pass of the tracker over the frames, forward or backward: which frames, which references, when to save."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

from vos.errors import VosError
from vos.io.frames import FrameSource
from vos.structures import Frame
from vos.tracking.tracker import Tracker
from vos.video.join import BackwardPass
from vos.video.reference import Reference
from vos.video.resume import ResumeState
from vos.video.saved import Checkpoint, SavedPass

STATE_INTERVAL = 2.0  # seconds of work that an interruption may cost; a correction goes back to one of the states, too
STATE_SECONDS = 0.1  # that saving may take; where it takes longer, with many objects, the interval grows as well


class Direction:
    """One pass over the frames, or a part of one, and what is saved of it.

    The tracker's state is saved at the boundaries of batches only: whoever goes on must encode the same frames
    together, for the make-up of a batch can change the last bit of an embedding.

    Args:
        source: the frames.
        start: position of the first frame that the pass sees.
        stop: position at which it ends, which it does not see; backward -1. None = the video's end.
        references: what the user gives, by frame number.
        saved: keeps results and states, and holds those of an earlier run; None = nothing is kept.
        batch_size: frames encoded together.
        is_backward: from ``start`` to lower positions.
        begin: frames of the pass that belong to its earlier parts, with batches of their own.
        branches_off: the pass whose latest state this one begins with.
        is_last: no other pass follows: results are written as they come, after all that is saved.
        keeps: results and states are added to ``saved``; False = it is only where the pass goes on.
    """

    def __init__(
        self,
        source: FrameSource,
        start: int,
        stop: int | None,
        references: Mapping[int, Reference],
        saved: SavedPass | None,
        batch_size: int,
        *,
        is_backward: bool = False,
        begin: int = 0,
        branches_off: SavedPass | None = None,
        is_last: bool = False,
        keeps: bool = True,
    ) -> None:
        self.source, self.start, self.stop, self.references = source, start, stop, references
        self.saved, self.batch_size, self.is_backward = saved, batch_size, is_backward
        self.begin, self.branches_off, self.is_last, self.keeps = begin, branches_off, is_last, keeps
        self.consumed = 0 if saved is None else saved.checkpoint.consumed  # frames that the tracker has seen
        self._saved_at, self._is_between_frames = 0.0, True

    @property
    def kept(self) -> SavedPass | None:
        """Where results and states are kept; None = nowhere."""
        return self.saved if self.keeps else None

    @property
    def is_done(self) -> bool:
        """Says whether nothing is left to track."""
        if self.saved is None:
            return False
        checkpoint = self.saved.checkpoint
        is_over = not self.is_backward and self.stop is not None and self.start + checkpoint.consumed >= self.stop
        return checkpoint.done or is_over

    def frames(self) -> Iterator[Frame]:
        """Reads the frames that the tracker has not seen yet, in the order of tracking."""
        if not self.is_backward:
            return self.source.frames(self.start + self.consumed, self.stop)
        first = self.start - self.consumed
        return islice(self.source.reversed_frames(first), first - (-1 if self.stop is None else self.stop))

    def reference_at(self, frame: Frame) -> Reference | None:
        """Returns what the user gives for the frame."""
        return self.references.get(frame.index)

    def has_result(self, frame: Frame) -> bool:
        """Says whether the frame's result counts: backward, that of a reference does not, for forward has it."""
        return not (self.is_backward and frame.index in self.references)

    @contextmanager
    def resumable(self, tracker: Tracker, object_ids: tuple[int, ...] | None = None) -> Iterator[None]:
        """Restores the tracker, and saves its state at the end or on Ctrl-C, which on live input ends the video.

        Args:
            tracker: what follows the objects.
            object_ids: of the objects; an earlier run may have followed fewer, or more. None = no others.

        Raises:
            VosError: there was no frame at all.
        """
        self.consumed = 0 if self.saved is None else self.saved.checkpoint.consumed
        origin = self.saved if self.consumed else self.branches_off
        if origin is not None and (state := origin.state()):
            tracker.restore(state)
            if object_ids is not None and object_ids != tracker.object_ids:
                tracker.follow(object_ids)
        self._saved_at = time.monotonic()
        try:
            yield
        except KeyboardInterrupt:
            if self.source.is_live:
                return
            if self.kept is not None and self._is_settled(len(self.kept)):
                self.kept.save(Checkpoint(self.consumed, tracker.state()))
            raise
        if not self.consumed:
            first = min(self.references, default=self.source.first)
            raise VosError(f"there is no frame {first} in this video; show the objects in another one")
        if self.kept is not None:
            is_done = self.is_backward or self.is_last
            self.kept.save(Checkpoint(self.consumed, tracker.state(), is_done))

    @contextmanager
    def next_frame(self) -> Iterator[None]:
        """Counts a frame. Whoever is interrupted in here leaves the tracker between two states, and none is saved."""
        self._is_between_frames = False
        yield
        self.consumed += 1
        self._is_between_frames = True

    def checkpoint_if_due(self, tracker: Tracker, has_learned: bool = False) -> Checkpoint | None:
        """Takes the tracker's state if it is time to save it: now and then, and when it has learned a reference."""
        if has_learned:
            self._saved_at = -math.inf
        if self.kept is None or not self._is_whole_batch:
            return None
        interval = STATE_INTERVAL * max(1.0, self.kept.seconds / STATE_SECONDS)
        if time.monotonic() - self._saved_at <= interval:
            return None
        self._saved_at = time.monotonic()
        return Checkpoint(self.consumed, tracker.state())

    @property
    def _is_whole_batch(self) -> bool:
        return (self.consumed - self.begin) % self.batch_size == 0

    def _is_settled(self, results: int) -> bool:
        """Says whether the tracker's state belongs to the ``results`` that are saved, and a batch ends there."""
        without = len(self.references) if self.is_backward else 0  # a reference has its result forward
        complete = results == self.consumed - without
        return self._is_between_frames and complete and self.consumed > 0 and self._is_whole_batch


def plan(
    source: FrameSource,
    references: Sequence[Reference],
    saved: ResumeState | None,
    batch_size: int,
    passes: Sequence[BackwardPass] = (),
    keeps_last: bool = True,
) -> list[Direction]:
    """Plans the passes: before the first reference backward, if that is not on the first frame; forward from it.

    Further references correct the forward pass where they are given. It pauses there if a pass leads back from them.

    Args:
        source: the frames.
        references: in the order of the frames.
        saved: what is kept of each pass; None = nothing, and ``passes`` is empty.
        batch_size: frames encoded together.
        passes: from further references backward.
        keeps_last: what the last pass finds is kept, too, for a later run.
    """
    start, given = source.position(references[0].frame_index), {each.frame_index: each for each in references}
    directions, begin, forward = [], 0, None if saved is None else saved.forward
    if start > 0:
        first = {references[0].frame_index: references[0]}
        backward = None if saved is None else saved.backward
        directions.append(Direction(source, start, -1, first, backward, batch_size, is_backward=True))
    for each in passes:
        assert saved is not None
        back, stop = saved.back_from(each.start), each.start + 1
        directions += [
            Direction(source, start, stop, given, forward, batch_size, begin=begin),
            Direction(
                source, each.start - 1, each.stop - 1, {}, back, batch_size, is_backward=True, branches_off=forward
            ),
        ]
        begin = stop - start
    last = Direction(source, start, None, given, forward, batch_size, begin=begin, is_last=True, keeps=keeps_last)
    return [*directions, last]


def check_positions(source: FrameSource, references: Sequence[Reference]) -> list[int]:
    """Finds the positions of references among the frames.

    Raises:
        VosError: one is not there, or needs random access where there is none.
    """
    positions = [source.position(reference.frame_index) for reference in references]
    if positions[0] > 0 and source.is_live:
        wrong = references[0].frame_index
        raise VosError(
            f"objects shown in frame {wrong} need a video file or folder; live input begins with its first frame (0)"
        )
    for position in positions:
        if position > 0 and not source.is_live:
            source.frame(position)  # fails now rather than after an hour
    return positions
