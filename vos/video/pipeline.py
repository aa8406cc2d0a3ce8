"""Takes a video's frames through the program.

read -> encode -> locate -> decode -> refine -> merge objects -> update memory -> write

Reading and encoding do not depend on the tracker and run ahead of it; merging in original pixels and writing run
behind. The tracker (locate, decode, refine, update memory) is the only sequential part. The queues between them are
bounded, so memory does not depend on the length of the video.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vos.io.frames import FrameSource
from vos.matting.alpha import FAST
from vos.sam.segmenter import Segmenter
from vos.stages import Prefetch, StageTimes, WriteBehind, available_cores, interrupt_later
from vos.structures import Frame, ImageEmbedding, SegmentedFrame, TrackedFrame
from vos.tracking.config import EdgesConfig
from vos.tracking.merge import merge
from vos.tracking.tracker import Tracker
from vos.video.direction import Direction, check_positions, plan
from vos.video.first_masks import ShownFrame, answer, with_masks
from vos.video.join import BackwardPass, LowResMasks, backward_passes
from vos.video.reference import Reference, in_order, object_ids
from vos.video.replay import Replay
from vos.video.resume import ResumeState, temporary_state
from vos.video.saved import Checkpoint
from vos.video.sightings import Sightings

PENDING_RESULTS = 4
MANY_CORES = available_cores() > 2  # on two, encoder and tracker get into the way of any further thread


class Writer(Protocol):
    """Anything that takes results in the order of the frames."""

    def write(self, result: SegmentedFrame) -> None:
        """Takes the next frame's result."""


@dataclass(frozen=True)
class VideoPipeline:
    """The parts of a run, built once; they stay the same from frame to frame.

    Attributes:
        model: encodes frames, decodes prompts.
        tracker: follows the objects; used by one thread only.
        writers: take every result, in the order of the frames.
        batch_size: frames encoded together.
        with_alpha: also make soft masks.
        alpha_on_disk: make them of results that wait on the disk for their turn: these cannot be softened later.
        edges: whether and how outlines are moved onto the frame's edges; None = not.
        quality: of soft masks, see :func:`vos.matting.alpha.soft_masks`.
        both_sides: an object that several references show is tracked between two of them from both, where the frames
            can be read again.
        add_backward: an object that a further reference is the first to show is tracked before it, too; likewise.
        names: of the objects that have one, by their ids, see :func:`vos.video.names.object_names`.
        encode: makes embeddings of a batch of pictures; None = ``model``.
        on_frame: called once per frame, after it is tracked, with its index.
        on_result: called with each result as soon as it is made; of frames that are tracked from both sides, with what
            the forward pass alone has found.
        on_learning: called before a reference is learned, with True, and after it, with False.
        prompt_model: answers prompts that were not answered before; None = ``model``.
        on_prompted: called with what was shown and found in a frame whose prompts are answered now.
        times: seconds of work per stage.
    """

    model: Segmenter
    tracker: Tracker
    writers: Sequence[Writer] = ()
    batch_size: int = 1
    with_alpha: bool = False
    alpha_on_disk: bool = False
    edges: EdgesConfig | None = None
    quality: str = FAST
    both_sides: bool = False
    add_backward: bool = False
    names: Mapping[int, str] = field(default_factory=dict)
    encode: Callable[[Sequence[npt.NDArray[np.uint8]]], list[ImageEmbedding]] | None = None
    on_frame: Callable[[int], None] = lambda index: None
    on_result: Callable[[SegmentedFrame], None] = lambda result: None
    prompt_model: Segmenter | None = None
    on_prompted: Callable[[ShownFrame], None] = lambda shown: None
    on_learning: Callable[[bool], None] = lambda begins: None
    times: StageTimes = field(default_factory=StageTimes)

    def write(self, result: SegmentedFrame) -> None:
        """Hands a result to all writers, with the names of its objects."""
        result = replace(result, names=self.names)
        with self.times.measure("write"):
            for writer in self.writers:
                writer.write(result)


@dataclass(frozen=True, slots=True)
class Tracked:
    """What goes from the tracker to the writers; with a checkpoint where it is time to save one."""

    frame: Frame
    tracked: TrackedFrame
    checkpoint: Checkpoint | None


def segment_video(
    source: FrameSource, references: Sequence[Reference], pipeline: VideoPipeline, resume: ResumeState | None = None
) -> StageTimes:
    """Follows the objects of the references through all frames and writes every result, first frame first.

    Frames from the first reference on are tracked forward, frames before it backward. Further references correct the
    forward pass where they are given; see also ``both_sides`` and ``add_backward`` of the pipeline.

    Args:
        source: the frames; random access is needed where the first reference is not on frame 0.
        references: masks, prompts or concepts, at least one.
        pipeline: model, tracker and writers.
        resume: keeps what is needed to go on after an interruption, and goes on from what it holds. The results are
            the same, bit for bit, as without the interruption.

    Returns:
        Seconds of work per stage.

    Raises:
        VosError: a reference is outside of the video or needs random access, or reading or writing failed.
        KeyboardInterrupt: Ctrl-C, after saving the state; on live input it ends the video instead.
    """
    references, ids = in_order(references), object_ids(references)
    positions = check_positions(source, references)
    passes = further_passes(source, references, positions, pipeline)
    needs_state = resume is None and (positions[0] > 0 or bool(passes))
    with temporary_state() if needs_state else nullcontext(resume) as saved:
        for direction in plan(source, references, saved, pipeline.batch_size, passes, keeps_last=resume is not None):
            # What is on disk is written first: passes backward, what led to them, and what an earlier run has left.
            if saved is not None and direction.is_last:
                given, joined = dict(zip(positions, references)), partial(merged, pipeline)
                for result in Replay(source, given, passes, ids, saved, joined).results(pipeline.times):
                    pipeline.write(result)
            if not direction.is_done:
                follow(direction, pipeline, ids)
    return pipeline.times


def follow(direction: Direction, pipeline: VideoPipeline, ids: tuple[int, ...]) -> None:
    """Follows the objects ``ids`` through the frames of one pass that the tracker has not seen yet.

    Raises:
        VosError: reading or writing failed.
        KeyboardInterrupt: Ctrl-C, or ``on_frame`` raised it; after saving the state.
    """
    concepts = [] if direction.source.is_live else [c for each in direction.references.values() for c in each.concepts]
    sightings = Sightings(pipeline.model, concepts)
    # Read and encode ahead of the tracker, merge and write behind it.
    with (
        direction.resumable(pipeline.tracker, ids),
        WriteBehind(partial(finish, pipeline, direction), PENDING_RESULTS, "write") as results,
        Prefetch(encode(direction.frames(), pipeline), pipeline.batch_size, "encode") as embedded,
    ):
        for frame, embedding in embedded:
            # Ctrl-C waits for what can be kept: all but a reference, which takes seconds to learn.
            has_learned = direction.reference_at(frame) is not None
            with interrupt_later(not has_learned):
                with direction.next_frame():
                    tracked = track(pipeline, direction, frame, embedding)
                    tracked = sightings.show(pipeline.tracker, tracked, frame, embedding, has_learned)
                checkpoint = direction.checkpoint_if_due(pipeline.tracker, has_learned)
                results.put(Tracked(frame, tracked, checkpoint))
                if direction.has_result(frame):
                    pipeline.on_frame(frame.index)


def further_passes(
    source: FrameSource, references: Sequence[Reference], positions: Sequence[int], pipeline: VideoPipeline
) -> list[BackwardPass]:
    """Plans the passes from further references, in order and at ``positions``, backward; none where input is live."""
    again = not source.is_live
    return backward_passes(references, positions, again and pipeline.both_sides, again and pipeline.add_backward)


def frames_again(source: FrameSource, references: Sequence[Reference], pipeline: VideoPipeline) -> int:
    """Counts the frames that are tracked a second time, or oftener."""
    ordered = in_order(references)
    positions = [source.position(reference.frame_index) for reference in ordered]
    return sum(each.start - each.stop for each in further_passes(source, ordered, positions, pipeline))


def encode(frames: Iterable[Frame], pipeline: VideoPipeline) -> Iterator[tuple[Frame, ImageEmbedding]]:
    """Encodes frames in batches; reading runs ahead on a further thread, if there is a core for it."""
    read = pipeline.times.each("read", frames)
    with Prefetch(read, pipeline.batch_size + 1, "read") if MANY_CORES else closing(read) as ahead:
        frames_read = iter(ahead)
        while batch := list(islice(frames_read, pipeline.batch_size)):
            with pipeline.times.measure("encode", len(batch)):
                embeddings = (pipeline.encode or pipeline.model.encode)([frame.rgb for frame in batch])
            yield from zip(batch, embeddings)


def track(pipeline: VideoPipeline, direction: Direction, frame: Frame, embedding: ImageEmbedding) -> TrackedFrame:
    """Locates, decodes, refines and updates memory for one frame; or takes what the user gives for it."""
    reference = direction.reference_at(frame)
    if reference is None:
        with pipeline.times.measure("track"):
            return pipeline.tracker.step(embedding, frame)
    pipeline.on_learning(True)
    with pipeline.times.measure("learn"):
        tracked = learn(pipeline, reference, frame, embedding, is_first=not direction.consumed)
    pipeline.on_learning(False)
    return tracked


def learn(
    pipeline: VideoPipeline, reference: Reference, frame: Frame, embedding: ImageEmbedding, is_first: bool
) -> TrackedFrame:
    """Takes what the user gives for a frame: concepts that are searched, a mask, or prompts for one."""
    if reference.concepts:
        return pipeline.tracker.start_from_concepts(embedding, reference.concepts, frame)
    if reference.prompts:
        reference = answered_now(pipeline, reference, frame, embedding)
    mask = reference.mask(frame.size)
    tracked = (pipeline.tracker.start if is_first else pipeline.tracker.add_reference)(embedding, mask, frame)
    predicted_iou = tracked.predicted_iou.clone()
    for object_id, value in reference.predicted_iou.items():
        predicted_iou[mask.object_ids.index(object_id)] = value
    return replace(tracked, predicted_iou=predicted_iou)


def answered_now(pipeline: VideoPipeline, reference: Reference, frame: Frame, embedding: ImageEmbedding) -> Reference:
    """Answers the prompts of a frame that could not be read before: live input comes only once."""
    model = pipeline.prompt_model or pipeline.model
    own = embedding if model is pipeline.model else model.encode([frame.rgb])[0]
    shown = answer(reference.prompts, frame, own, model)
    pipeline.on_prompted(shown)
    return with_masks(reference, shown)


def finish(pipeline: VideoPipeline, direction: Direction, item: Tracked) -> None:
    """Merges the objects of a frame in original pixels, and writes them; backward, they wait for their turn on disk."""
    if direction.has_result(item.frame):
        result = None
        if direction.branches_off is None:  # else it is joined with that of another pass first
            with_alpha = pipeline.with_alpha or (pipeline.alpha_on_disk and not direction.is_last)
            softened = replace(pipeline, with_alpha=with_alpha)
            result = merged(softened, item.tracked, item.frame, pipeline.tracker.object_ids)
            pipeline.on_result(result)
        if direction.is_last and result is not None:
            pipeline.write(result)
        if direction.kept is not None:
            direction.kept.append(pipeline.tracker.object_ids, LowResMasks.of(item.tracked), result)
    if direction.kept is not None and item.checkpoint is not None:
        direction.kept.save(item.checkpoint)


def merged(pipeline: VideoPipeline, tracked: TrackedFrame, frame: Frame, object_ids: tuple[int, ...]) -> SegmentedFrame:
    """Merges the objects of a frame in original pixels."""
    with pipeline.times.measure("merge"):
        geometry = pipeline.model.geometry(frame.size)
        return merge(tracked, geometry, frame, object_ids, pipeline.with_alpha, pipeline.edges, pipeline.quality)
