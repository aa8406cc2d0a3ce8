"""``vos.track``: the objects of a reference in every frame of a video."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from vos.api.options import chosen_model, configured, given_options
from vos.api.reference import GivenReference, as_references
from vos.api.results import Results
from vos.io.frames import Conversion, FrameSource, open_frames, place_of
from vos.progress import NOWHERE, shown_on
from vos.sam.device import set_threads
from vos.sam.segmenter import Segmenter
from vos.stages import HandOut
from vos.structures import SegmentedFrame
from vos.video.build import build_pipeline, describe, load_prompt_model
from vos.video.config import VideoConfig
from vos.video.excerpt import excerpt
from vos.video.first_masks import ShownFrame, answer_prompts
from vos.video.names import object_names
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Reference, object_ids

LOG = logging.getLogger("vos")
AHEAD = 2  # results that wait for whoever asks for them
_setting, _before = threading.Lock(), list[tuple[int, float]]()  # what was set before, once for each who works


def track(
    frames: str | Path | Iterable[object],
    reference: GivenReference | Mapping[int, GivenReference],
    *,
    model: str | Segmenter = "nano",
    device: str = "auto",
    precision: str = "auto",
    start: int | float | str | None = None,
    end: int | float | str | None = None,
    every: int = 1,
    names: Mapping[int, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> Results:
    """Follows objects through a video; gives one result after the other, the first frame's first.

        for result in vos.track("clip.mp4", "mask.png"):
            print(result.time, result[1].presence, result[1].box)

    The label maps are those of ``python -m vos.run``. Where the first reference is not on the first frame, what is
    before it is tracked backward first. Between two references objects are tracked from both sides: results come when
    the last reference is reached (``options={"both_sides": False}``: as they are tracked, forward alone).

    Args:
        frames: a video file, a folder or pattern of images, ``camera:0``, a URL; or pictures, uint8 (H, W, 3) RGB:
            NumPy arrays, torch tensors or decord's, in a list, a stack, a generator. They are read on a thread of their
            own, a few frames ahead.
        reference: what to follow, in the first frame; or a dictionary from frame number to reference. A mask file; an
            array (H, W) of ids; a box [x, y, width, height]; a click [x, y] or several, [x, y, 0] for one that is not
            on the object; objects with an id, ``{"id": 1, "box": [...], "points": [...]}`` or a list of them, as in the
            files of prompts of docs/prompts.md, or such a file; a ``vos.Concept``, its file, or a list of concepts.
        model: nano, vit_t, vit_b, vit_l, vit_h, or a name of :func:`vos.register_model`; or a model itself.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: auto, float32 or bfloat16.
        start: first frame wanted, a number, seconds as a float, or a time such as "00:12.5".
        end: the frame after the last one wanted, likewise.
        every: 2 takes every second frame, and so on.
        names: of the objects, by id; else they have their concept's name, or are called "object_1" and so on. Ids above
            255 in mask files are numbered anew: ``about["original_ids"]`` of the results says how.
        options: others by their dotted names, as in docs/options.md: ``{"tracker.memory.momentum": 0.8}``.

    Returns:
        An iterator of :class:`vos.Result`, which closes itself.

    Raises:
        VosError: an input or option is missing or wrong; one line that says what to do.
    """
    given: dict[str, object] = {"device": device, "precision": precision, "every": every}
    config = configured(VideoConfig(), {**given, **given_options(model, options)})
    start, end = (config.start if start is None else start), (config.end if end is None else end)
    source = open_frames(frames, config.reader, Conversion(config.hdr, config.deinterlace))
    try:
        source = excerpt(source, start, end, config.every)
        references, original_ids, paths = as_references(reference, source)
        loaded = chosen_model(model, config)
        job = _Job(config, source, references, loaded, object_names(references, names, original_ids))
        frames_from = place_of(source.path)
        files = [] if frames_from is None else [("video", frames_from)]
        files += [("reference", path) for path in paths]
        ids = {"original_ids": original_ids} if original_ids else {}
        about = {**describe(config, source, loaded), "first_masks": job.first_masks, **ids}
        return Results(source, job.begin, about, files)
    except BaseException:
        source.close()
        raise


@dataclass(frozen=True)
class _Job:
    """One video to track."""

    config: VideoConfig
    source: FrameSource
    references: Sequence[Reference]
    model: Segmenter
    names: Mapping[int, str]
    first_masks: list[dict[str, object]] = field(default_factory=list)

    def begin(self, with_alpha: bool) -> AbstractContextManager[Iterable[SegmentedFrame]]:
        """Begins the work on threads of its own."""
        return HandOut(partial(self._work, with_alpha), AHEAD, "track")

    def _work(self, with_alpha: bool, hand_out: Callable[[SegmentedFrame], None]) -> None:
        with threads_of(self.config), shown_on(NOWHERE):
            model = self.model.for_objects(len(object_ids(self.references)))
            pipeline = build_pipeline(self.config, self.source, model, self.names)
            handing = _Handing(hand_out)
            watched = replace(pipeline, with_alpha=with_alpha, alpha_on_disk=True, on_prompted=self._on_shown)
            segment_video(self.source, *self._answered(replace(watched, writers=[handing])))
        late = [each.frame_index for each in self.references if each.frame_index > handing.latest]
        if late:  # of a generator nobody knows beforehand where it ends
            warnings.warn(f"the last frame is {handing.latest}: references of {late} are left out", stacklevel=2)

    def _answered(self, pipeline: VideoPipeline) -> tuple[Sequence[Reference], VideoPipeline]:
        """Makes masks of prompts; those of frames that can be read only once are left for when these come."""
        if not any(each.prompts for each in self.references):
            return self.references, pipeline
        model = load_prompt_model(self.config, len(object_ids(self.references)), pipeline.model)
        if self.source.is_live:
            return self.references, replace(pipeline, prompt_model=model)
        return answer_prompts(self.source, self.references, model, self._on_shown), pipeline

    def _on_shown(self, shown: ShownFrame) -> None:
        self.first_masks.extend(shown.entries())
        for line in shown.doubts():
            LOG.warning("%s", line)


@dataclass
class _Handing:
    """A writer that hands results to the iterator; ``latest`` is the number of the last frame."""

    hand_out: Callable[[SegmentedFrame], None]
    latest: int = -1

    def write(self, result: SegmentedFrame) -> None:
        self.latest = result.frame.index
        self.hand_out(result)


@contextmanager
def threads_of(config: VideoConfig) -> Iterator[None]:
    """Sets the threads of one operation as the command line does, until nobody works any more."""
    with _setting:
        before = _before[0] if _before else (torch.get_num_threads(), sys.getswitchinterval())
        set_threads(config.threads, embedded=config.model.name == "nano")
        _before.append(before)
    try:
        yield
    finally:
        with _setting:
            threads, interval = _before.pop()
            if not _before:
                torch.set_num_threads(threads)
                sys.setswitchinterval(interval)
