"""The line that a frame travels:

read_frames -> encode -> locate -> decode -> refine -> merge objects -> update memory -> write

Reading and encoding do not depend on the tracker and run ahead of it; merging in original pixels and writing run
behind. The tracker (locate, decode, refine, update memory) is the only sequential part. The queues between them are
bounded, so memory does not depend on the length of the video.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice, takewhile
from pathlib import Path
from typing import Protocol

import torch

from vos.background import Ahead, Behind, Timings
from vos.errors import VosError
from vos.io.frames import FrameSource
from vos.journal import Journal, Leg
from vos.references import Reference, in_order
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, Geometry, ImageEmbedding, LabelMap, SegmentedFrame, TrackedFrame
from vos.tracker_config import EdgesConfig, SecondPassConfig
from vos.tracking.merge import merge
from vos.tracking.second_pass import SecondPass
from vos.tracking.tracker import Tracker

STATE_INTERVAL = 5.0  # seconds of work that an interruption may cost
PENDING_RESULTS = 4


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
    timings: Timings = field(default_factory=Timings)


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
) -> Timings:
    """Follows the objects of the references through all frames and writes every result, first frame first.

    Frames from the first reference on are tracked forward, frames before it backward; further references correct
    the forward leg where they are given.

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
    if start > 0 and not source.has_random_access:
        raise VosError(f"ref_frame={start} needs a video file or folder; live input begins at its reference (0)")
    if twice and not source.has_random_access:
        raise VosError(
            "tracker.second_pass.enabled=true goes back over the frames, which live input has not kept; set it to false, "
            "or record the stream and give the file"
        )
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
            done = journal.backward_return.consumed
            _go_back(source.frames(done, start), line, (backward, start - 1), (journal.backward_return, 0))
        if not twice:
            _replay(source, start, journal, line)
        if not forward.done:
            _follow(source.frames(start + forward.consumed), ordered, line, forward)
        if twice:
            end, done = start + len(forward) - 1, journal.forward_return.consumed
            frames = takewhile(lambda frame: frame.index >= start, source.reversed_frames(end - done))
            _go_back(frames, line, (forward, start), (journal.forward_return, end))
            _replay(source, start, journal, line)
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
            with line.timings.measure("write"):
                leg.append_answer(item.tracked)  # the second pass will make the result
        else:
            with line.timings.measure("merge"):
                ids = line.tracker.object_ids
                result = merge(item.tracked, item.geometry, item.frame, ids, line.with_alpha, line.edges)
            with line.timings.measure("write"):
                for writer in line.writers if writing else ():
                    writer.write(result)
                if leg is not None:
                    leg.append(result)
        if leg is not None and item.state is not None:
            with line.timings.measure("write"):
                leg.save_state(item.state, item.consumed)

    try:
        with (
            Behind(finish, PENDING_RESULTS, "write") as behind,
            Ahead(_encode(frames, line), line.batch_size, "encode") as embedded,
        ):
            for frame, embedding in embedded:
                settled = False
                reference = given.get(frame.index)
                with line.timings.measure("track" if reference is None else "learn"):
                    if again is not None:
                        tracked = again.step(embedding, frame)
                    else:
                        tracked = _track(frame, embedding, reference, consumed == 0, line)
                consumed += 1
                # Going on must batch the same frames: the make-up of a batch can change the last bit of an embedding.
                due = leg is not None and time.monotonic() - saved_at > STATE_INTERVAL and _aligned(consumed, line)
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
        if leg is not None and settled and consumed and _aligned(consumed, line):
            leg.save_state(line.tracker.state(), consumed)
        raise
    if not consumed:
        raise VosError(f"there is no frame {references[0].frame_index} in this video; choose another ref_frame")
    if leg is not None:
        leg.save_state(line.tracker.state(), consumed, done=True)


def _encode(frames: Iterable[Frame], line: Line) -> Iterator[tuple[Frame, ImageEmbedding]]:
    """Frames with their embeddings, encoded in batches; reading runs ahead on a further thread."""
    with Ahead(line.timings.each("read", frames), line.batch_size + 1, "read") as ahead:
        frames_read = iter(ahead)
        while batch := list(islice(frames_read, line.batch_size)):
            with line.timings.measure("encode"):
                embeddings = line.model.encode([frame.rgb for frame in batch])
            yield from zip(batch, embeddings)


def _track(
    frame: Frame, embedding: ImageEmbedding, reference: Reference | None, is_first: bool, line: Line
) -> TrackedFrame:
    """Locate, decode, refine and update memory for one frame; or take what the user gave for it."""
    if reference is None:
        return line.tracker.step(embedding, frame)
    if reference.concepts:
        return line.tracker.start_from_concepts(embedding, reference.concepts, frame)
    mask = reference.mask(line.model, embedding)
    if reference.prompt is not None:
        line.on_prompted(frame, mask)
    return (line.tracker.start if is_first else line.tracker.add_reference)(embedding, mask, frame)


def _go_back(frames: Iterable[Frame], line: Line, first: tuple[Leg, int], second: tuple[Leg, int]) -> None:
    """The second pass over one leg; each leg comes with the index of its first frame, and the second begins at it."""
    (answers, begin), (leg, end) = first, second
    if leg.done:
        return
    if not leg.state:
        line.tracker.restore(answers.state)
    again = SecondPass(line.tracker, line.second_pass, lambda index: answers.read_answer(abs(index - begin)), end)
    _follow(frames, (), line, leg, writing=False, again=again)


def _replay(source: FrameSource, start: int, journal: Journal, line: Line) -> None:
    """Writes what is on disk already: the legs that went backward, last result first, and interrupted runs' others."""
    count = start + len(journal.forward)
    if not line.writers or not count:
        return
    with Ahead(line.timings.each("read", source.frames(0, count)), PENDING_RESULTS, "read") as frames:
        for frame in frames:
            if line.second_pass.enabled:
                legs = (journal.backward_return, 0), (journal.forward_return, count - 1)
            else:
                legs = (journal.backward, start - 1), (journal.forward, start)
            leg, begin = legs[frame.index >= start]
            with line.timings.measure("write"):
                result = leg.read(abs(frame.index - begin), frame)
                for writer in line.writers:
                    writer.write(result)


def _aligned(consumed: int, line: Line) -> bool:
    return consumed % line.batch_size == 0
