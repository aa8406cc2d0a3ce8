"""From what a user shows in a frame - clicks, boxes, scribbles, masks - to the mask that is followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from vos.concept.first_mask_check import check_first_mask
from vos.concept.reference_check import Issue
from vos.errors import VosError
from vos.io.frames import FrameSource
from vos.persam.first_mask import FirstMask, first_masks
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap, ObjectPrompt, default_name
from vos.video.direction import check_positions
from vos.video.reference import Reference


@dataclass(frozen=True, slots=True, eq=False)
class ShownObject:
    """One object in a frame, as it was shown and as it was understood.

    Attributes:
        prompt: what the user gave.
        first: its mask, and what else the prompt may mean.
        issues: what is doubtful about it.
    """

    prompt: ObjectPrompt
    first: FirstMask
    issues: tuple[Issue, ...]

    @property
    def name(self) -> str:
        """What the object is called."""
        return self.prompt.name or default_name(self.prompt.object_id)


@dataclass(frozen=True, slots=True, eq=False)
class ShownFrame:
    """A frame with all that was shown in it, and the mask that is followed."""

    frame: Frame
    label_map: LabelMap
    objects: tuple[ShownObject, ...]

    def area(self, each: ShownObject) -> int:
        """Counts the pixels of an object that are not another one's."""
        return int((self.label_map.labels == each.prompt.object_id).sum())

    def doubts(self) -> list[str]:
        """Says in a line each what is doubtful."""
        return [f"frame {self.frame.index}, {o.name}: {issue.message}" for o in self.objects for issue in o.issues]

    def entries(self) -> list[dict[str, Any]]:
        """Describes the masks that were made of clicks or boxes, for ``summary.json``."""
        return [
            {
                "frame": self.frame.index,
                "id": each.prompt.object_id,
                "name": each.name,
                "predicted_iou": round(each.first.quality, 4),
                "area": self.area(each),
                "candidate": each.first.chosen + 1,
                "doubts": [asdict(issue) for issue in each.issues],
            }
            for each in self.objects
            if each.prompt.mask is None
        ]


def answer_prompts(
    source: FrameSource,
    references: Sequence[Reference],
    model: Segmenter,
    on_shown: Callable[[ShownFrame], None] = lambda shown: None,
) -> list[Reference]:
    """Makes the masks of all prompts, before anything is tracked; what else there is stays as it is.

    Args:
        source: the frames, which can be read again.
        references: what the user gives.
        model: answers the prompts.
        on_shown: called for every frame with prompts.

    Raises:
        VosError: a frame is not there, or the model finds nothing where an object is shown.
    """
    check_positions(source, sorted(references, key=lambda reference: reference.frame_index))
    answered = []
    for reference in references:
        if reference.prompts:
            frame = source.frame(source.position(reference.frame_index))
            shown = answer(reference.prompts, frame, model.encode([frame.rgb])[0], model)
            on_shown(shown)
            reference = with_masks(reference, shown)
        answered.append(reference)
    return answered


def answer(prompts: Sequence[ObjectPrompt], frame: Frame, embedding: ImageEmbedding, model: Segmenter) -> ShownFrame:
    """Makes the masks of what is shown in one frame, and looks what is doubtful about them.

    Args:
        prompts: one per object, with different ids.
        frame: the frame.
        embedding: of the frame, by ``model``.
        model: answers the prompts.

    Raises:
        VosError: the model finds nothing where an object is shown, or no more than where another one is.
    """
    found = first_masks(model, frame.rgb, embedding, prompts)
    for prompt, first in zip(prompts, found):
        if not first.mask.any():
            where = f" {prompt.object_id} is shown in frame {frame.index}" if len(prompts) > 1 else " is shown"
            raise VosError(
                f"model={model.name} finds nothing where the object{where}; move the box or the points, or give a mask"
            )
    issues = [check_first_mask(prompt, first, embedding) for prompt, first in zip(prompts, found)]
    objects = tuple(ShownObject(*each) for each in zip(prompts, found, issues))
    return ShownFrame(frame, _together(objects, frame), objects)


def with_masks(reference: Reference, shown: ShownFrame) -> Reference:
    """Puts the masks in the place of the prompts."""
    ids = reference.ids or shown.label_map.object_ids
    iou = {each.prompt.object_id: each.first.quality for each in shown.objects if each.prompt.mask is None}
    return replace(reference, prompts=(), label_map=LabelMap(shown.label_map.labels, ids), predicted_iou=iou)


def _together(objects: Sequence[ShownObject], frame: Frame) -> LabelMap:
    """Paints the masks into one, smaller objects over larger ones, those that the user gave as masks over all.

    Raises:
        VosError: nothing is left of an object.
    """
    labels = np.zeros(frame.size, np.uint8)
    for each in sorted(objects, key=lambda each: (each.prompt.mask is not None, -int(each.first.mask.sum()))):
        labels[each.first.mask] = each.prompt.object_id
    ids = tuple(sorted(each.prompt.object_id for each in objects))
    if hidden := [i for i in ids if not (labels == i).any()]:
        mask = next(each.first.mask for each in objects if each.prompt.object_id == hidden[0])
        over = [int(i) for i in np.unique(labels[mask])]
        is_given = all(each.prompt.mask is not None for each in objects if each.prompt.object_id in (hidden[0], *over))
        how = "each a mask of its own" if is_given else "clicks that tell them apart, also ones that are not on it"
        raise VosError(
            f"in frame {frame.index} nothing is left of object {hidden[0]}, which is covered by object "
            f"{', '.join(map(str, over))}; give {how}"
        )
    return LabelMap(labels, ids)
