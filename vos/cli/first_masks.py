"""The first masks of a video, made of prompts before anything is followed: shown, judged, or no more than that."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image

from vos.cli.config import RunConfig
from vos.cli.given import Given
from vos.cli.outcome import Outcome
from vos.errors import VosError
from vos.io.atomic import atomic_path
from vos.io.frames import FrameSource
from vos.progress import write_above
from vos.structures import LabelMap, ObjectPrompt
from vos.video.build import load_prompt_model
from vos.video.first_masks import ShownFrame, answer, answer_prompts
from vos.video.pipeline import VideoPipeline
from vos.video.reference import object_ids
from vos.video.reference_picture import MOST_FRAMES, draw_references

PICTURE = "reference.png"


@dataclass
class FirstMasks:
    """What was shown in a video's frames, and is told: in a picture, on the screen, in ``summary.json``.

    Attributes:
        folder: where the picture is written.
        shown: the first frames, until they are drawn.
        count: of all frames.
        entries: for ``summary.json``, one for each object whose mask was made of clicks or a box.
        doubts: what is doubtful, a line each.
    """

    folder: Path
    shown: list[ShownFrame] = field(default_factory=list)
    count: int = 0
    entries: list[dict[str, Any]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def add(self, shown: ShownFrame) -> None:
        """Takes the next frame, and says what is doubtful."""
        self.count += 1
        if self.count <= MOST_FRAMES:  # more would only fill the memory
            self.shown.append(shown)
        for entry in shown.entries():
            told = f"{entry['area']:,} pixels, predicted IoU {entry['predicted_iou']:.2f}"
            write_above(f"frame {entry['frame']}, {entry['name']}: {told}", sys.stdout)
        for line in shown.doubts():
            write_above(f"warning: {line}", sys.stderr)
        self.entries += shown.entries()
        self.doubts += shown.doubts()

    def draw(self) -> None:
        """Draws all frames so far."""
        if self.shown:
            with atomic_path(self.folder / PICTURE) as temporary:
                Image.fromarray(draw_references(self.shown, self.count)).save(temporary)
            write_above(f"{self.folder / PICTURE} shows the masks", sys.stdout)

    def about(self) -> dict[str, Any]:
        """Gives what belongs into ``summary.json``; live input adds to it while everything runs already."""
        return {"first_masks": self.entries}

    def add_now(self, shown: ShownFrame) -> None:
        """Takes the next frame of live input, which comes while everything runs already."""
        self.add(shown)
        self.draw()


def answered(
    config: RunConfig, source: FrameSource, given: Given, pipeline: VideoPipeline, masks: FirstMasks
) -> tuple[VideoPipeline, Given]:
    """Makes the masks of all prompts; those of live input are left for when its frames come."""
    model = pipeline.model
    if given.is_prompted:
        model = load_prompt_model(config, len(object_ids(given.references)), pipeline.model)
    if source.is_live:
        return replace(pipeline, prompt_model=model, on_prompted=masks.add_now), given
    references = answer_prompts(source, given.references, model, masks.add)
    masks.draw()
    masks.shown.clear()
    return pipeline, replace(given, references=references)


def preview(config: RunConfig, source: FrameSource, given: Given, masks: FirstMasks) -> Outcome:
    """Shows what is understood of masks and prompts, and follows nothing.

    Raises:
        VosError: there is nothing to show, or a prompt cannot be answered.
    """
    model = load_prompt_model(config, len(object_ids(given.references)))
    for reference in given.references:
        if reference.concepts:
            raise VosError("preview=true shows masks and prompts; concept= is searched for, leave one of them out")
        frame = next(source.frames()) if source.is_live else source.frame(source.position(reference.frame_index))
        prompts = reference.prompts or _as_prompts(reference.mask(frame.size), given.names)
        masks.add(answer(prompts, frame, model.encode([frame.rgb])[0], model))
    masks.draw()
    return Outcome(0, (masks.folder / PICTURE,), doubts=tuple(masks.doubts))


def _as_prompts(label_map: LabelMap, names: Mapping[int, str]) -> tuple[ObjectPrompt, ...]:
    shown = [i for i in label_map.object_ids if (label_map.labels == i).any()]
    return tuple(ObjectPrompt(i, mask=label_map.labels == i, name=names.get(i, "")) for i in shown)
