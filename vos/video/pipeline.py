"""The line that a frame travels:

read_frames -> encode -> locate -> decode -> refine -> merge objects -> update memory -> write

Reading and encoding do not depend on the tracker and run ahead of it; merging in original pixels and writing run
behind. The tracker (locate, decode, refine, update memory) is the only sequential part. The queues between them are
bounded, so memory does not depend on the length of the video.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path
from typing import Protocol

import torch

from vos.errors import VosError
from vos.io.frames import FrameSource
from vos.sam.segmenter import Segmenter
from vos.stages import Prefetch, StageTimes, WriteBehind
from vos.structures import Frame, Geometry, ImageEmbedding, LabelMap, SegmentedFrame
from vos.tracking.config import EdgesConfig, SecondPassConfig
from vos.tracking.merge import merge
from vos.tracking.second_pass import SecondPass
from vos.tracking.tracked_frame import TrackedFrame
from vos.tracking.tracker import Tracker
from vos.video.reference import Reference, in_order
from vos.video.replay import replay
from vos.video.resume import Journal, Leg

STATE_INTERVAL = 5.0  # seconds of work that an interruption may cost
PENDING_RESULTS = 4
MANY_CORES = (os.cpu_count() or 1) > 2  # on two, encoder and tracker get into the way of any further thread


class Writer(Protocol):
    """Anything that takes results in the order of the frames."""

    def write(self, result: SegmentedFrame) -> None: ...


@dataclass
class Line:
    """The parts of a run that stay the same from frame to frame.

    Attributes:
        model: encodes frames, decodes prompts.
        tracker: follows the objects; used by one thread only.
        writers: take every result, in the order of the frames.
        batch_size: frames encoded together.
        with_alpha: also make soft masks.
        edges: whether and how outlines are moved onto the frame's edges; None = not.
        second_pass: whether and how frames are tracked again on the way back, and both answers fused.
        on_frame: called once per frame (and pass), after it is tracked, with its index.
        on_prompted: called with the frame and mask that the model made from a box or point.
    """

    model: Segmenter
    tracker: Tracker
    writers: Sequence[Writer] = ()
    batch_size: int = 1
    with_alpha: bool = False
    edges: EdgesConfig | None = None
    second_pass: SecondPassConfig = field(default_factory=SecondPassConfig)
    on_frame: Callable[[int], None] = lambda index: None
    on_prompted: Callable[[Frame, LabelMap], None] = lambda frame, mask: None
    timings: StageTimes = field(default_factory=StageTimes)

    def write(self, result: SegmentedFrame) -> None:
        """Hands a result to all writers."""
        with self.timings.measure("write"):
            for writer in self.writers:
                writer.write(result)


@dataclass(frozen=True)
class _Tracked:
    """What travels from the tracker to the writers; ``state`` where it is time to save it."""

    frame: Frame
    tracked: TrackedFrame
    geometry: Geometry
    consumed: int
    state: Mapping[str, torch.Tensor] | None


def segment_video(
    source: FrameSource, references: Sequence[Reference], line: Line, journal: Journal | None = None
) -> StageTimes:
    """Follows the objects of the references through all frames and writes every result, first frame first.

    Frames from the first reference on are tracked forward, frames before it backward; further references correct
    the forward leg where they are given. With a second pass each leg also goes back to its first frame.

    Args:
        source: the frames; random access is needed where the first reference is not on frame 0.
        references: masks or prompts, at least one.
        line: model, tracker and writers.
        journal: keeps what is needed to go on after an interruption, and goes on from what it holds. The results are
            the same, bit for bit, as without the interruption.

    Returns:
        Seconds of work per stage.

    Raises:
        VosError: a reference is outside of the video or needs random access, or reading or writing failed.
        KeyboardInterrupt: Ctrl-C, after saving the state; on live input it ends the video instead.
    """
    ordered = in_order(references)
    start, twice = ordered[0].frame_index, line.second_pass.enabled
    if twice and not source.has_random_access:
        raise VosError("tracker.second_pass.enabled=true needs a video file or folder; set it to false for live input")
    if start > 0 and not source.has_random_access:
        raise VosError(f"ref_frame={start} needs a video file or folder; live input begins at its reference (0)")
    for reference in ordered:
        if reference.frame_index > 0 and source.has_random_access:
            source.frame(reference.frame_index)  # fails now rather than after an hour
    with ExitStack() as stack:
        if journal is None and (start > 0 or twice):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vos-"))
            journal = stack.enter_context(Journal(Path(folder) / "journal"))
        if journal is None:
            _follow(source, ordered, line, is_live=source.is_live)
            return line.timings
        backward, forward = journal.backward, journal.forward
        if start > 0 and not backward.done:
            _follow(source.reversed_frames(start - backward.consumed), ordered[:1], line, backward, writing=False)
        if start > 0 and twice:
            frames = source.frames(journal.backward_return.consumed, start)
            _go_back(frames, line, (backward, start - 1), (journal.backward_return, 0))
        if not twice:
            replay(source, start, journal, line.write, twice, line.timings)
        if not forward.done:
            _follow(source.frames(start + forward.consumed), ordered, line, forward)
        if twice:
            end = start + len(forward) - 1
            back = source.reversed_frames(end - journal.forward_return.consumed)
            frames = takewhile(lambda frame: frame.index >= start, back)
            _go_back(frames, line, (forward, start), (journal.forward_return, end))
            replay(source, start, journal, line.write, twice, line.timings)
    return line.timings


def _follow(
    frames: Iterable[Frame],
    references: Sequence[Reference],
    line: Line,
    leg: Leg | None = None,
    writing: bool = True,
    is_live: bool = False,
    again: SecondPass | None = None,
) -> None:
    """One leg: the tracker on this thread, reading and encoding ahead of it, merging and writing behind it."""
    given = {reference.frame_index: reference for reference in references}
    consumed, saved_at, settled = leg.consumed if leg is not None else 0, time.monotonic(), True
    if leg is not None and leg.state:
        line.tracker.restore(leg.state)

    def counts(frame: Frame) -> bool:
        """Not the reference frame with which the backward leg begins: its result belongs to the forward leg."""
        return writing or frame.index not in given

    def finish(item: _Tracked) -> None:
        if not counts(item.frame):
            return
        if leg is not None and line.second_pass.enabled and again is None:
            leg.append_answer(item.tracked)  # the second pass will make the result
        else:
            with line.timings.measure("merge"):
                ids = line.tracker.object_ids
                result = merge(item.tracked, item.geometry, item.frame, ids, line.with_alpha, line.edges)
            if writing:
                line.write(result)
            if leg is not None:
                leg.append(result)
        if leg is not None and item.state is not None:
            leg.save_state(item.state, item.consumed)

    try:
        with (
            WriteBehind(finish, PENDING_RESULTS, "write") as behind,
            Prefetch(_encode(frames, line), line.batch_size, "encode") as embedded,
        ):
            for frame, embedding in embedded:
                settled = False
                reference = given.get(frame.index)
                with line.timings.measure("track" if reference is None else "learn"):
                    tracked = (
                        again.step(embedding, frame) if again else _track(frame, embedding, reference, consumed, line)
                    )
                consumed += 1
                # Going on must batch the same frames: the make-up of a batch can change the last bit of an embedding.
                due = (
                    leg is not None and time.monotonic() - saved_at > STATE_INTERVAL and consumed % line.batch_size == 0
                )
                if due:
                    saved_at = time.monotonic()
                state = line.tracker.state() if due else None
                behind.put(_Tracked(frame, tracked, embedding.geometry, consumed, state))
                settled = True
                if counts(frame):
                    line.on_frame(frame.index)
    except KeyboardInterrupt:
        if is_live:
            return
        if leg is not None and settled and consumed and consumed % line.batch_size == 0:
            leg.save_state(line.tracker.state(), consumed)
        raise
    if not consumed:
        raise VosError(f"there is no frame {references[0].frame_index} in this video; choose another ref_frame")
    if leg is not None:
        leg.save_state(line.tracker.state(), consumed, done=True)


def _encode(frames: Iterable[Frame], line: Line) -> Iterator[tuple[Frame, ImageEmbedding]]:
    """Frames with their embeddings, encoded in batches; reading runs ahead on a further thread, if there is a core."""
    read = line.timings.each("read", frames)
    with Prefetch(read, line.batch_size + 1, "read") if MANY_CORES else closing(read) as ahead:
        frames_read = iter(ahead)
        while batch := list(islice(frames_read, line.batch_size)):
            with line.timings.measure("encode"):
                embeddings = line.model.encode([frame.rgb for frame in batch])
            yield from zip(batch, embeddings)


def _track(
    frame: Frame, embedding: ImageEmbedding, reference: Reference | None, consumed: int, line: Line
) -> TrackedFrame:
    """Locate, decode, refine and update memory for one frame; or take what the user gave for it."""
    if reference is None:
        return line.tracker.step(embedding, frame)
    if reference.concepts:
        return line.tracker.start_from_concepts(embedding, reference.concepts, frame)
    mask = reference.mask(line.model, embedding)
    if reference.prompt is not None:
        line.on_prompted(frame, mask)
    return (line.tracker.add_reference if consumed else line.tracker.start)(embedding, mask, frame)


def _go_back(frames: Iterable[Frame], line: Line, first: tuple[Leg, int], second: tuple[Leg, int]) -> None:
    """The second pass over one leg; each leg comes with the index of its first frame, and the second begins at it."""
    (answers, begin), (leg, end) = first, second
    if leg.done:
        return
    line.tracker.restore(leg.state or answers.state)
    again = SecondPass(line.tracker, line.second_pass, lambda index: answers.read_answer(abs(index - begin)), end)
    _follow(frames, (), line, leg, writing=False, again=again)
