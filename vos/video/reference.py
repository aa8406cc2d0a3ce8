"""What the user gives to follow: a mask, or a prompt from which the model itself makes the mask."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.masks.reference import ReferenceMasks, read_references
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, LabelMap


@dataclass(frozen=True, slots=True)
class Reference:
    """The objects in one frame.

    Attributes:
        frame_index: the frame that it belongs to, from 0.
        label_map: the given mask, or None.
        prompt: instead of a mask: points or a box around object 1, original pixels.
        concepts: instead of either: what photos outside of the video have shown; they are searched from here on.
    """

    frame_index: int
    label_map: LabelMap | None = None
    prompt: Prompt | None = None
    concepts: tuple[Concept, ...] = ()

    def __post_init__(self) -> None:
        if (self.label_map is not None) + (self.prompt is not None) + bool(self.concepts) != 1:
            raise ValueError("a reference is either a label map or a prompt or concepts")

    def shown(self) -> list[int]:
        """Lists the ids of the objects that it shows; its label map may name others besides."""
        if self.label_map is not None:
            return [int(i) for i in np.unique(self.label_map.labels) if i]
        return list(range(1, max(len(self.concepts), 1) + 1))

    def digest(self) -> str:
        """Hashes what it shows, wherever that is."""
        parts: list[object] = [concept.name for concept in self.concepts]
        if self.prompt is not None:
            box = None if self.prompt.box is None else self.prompt.box.tolist()
            parts = [self.prompt.points.tolist(), self.prompt.labels.tolist(), box]
        pixels = b"" if self.label_map is None else self.label_map.labels.tobytes()
        return hashlib.sha256(repr(parts).encode() + pixels).hexdigest()

    def mask(self, model: Segmenter, embedding: ImageEmbedding) -> tuple[LabelMap, float]:
        """Gives the mask and its predicted IoU: the user's and 1, or the best candidate for the prompt and the model's.

        Raises:
            VosError: the mask has not the frame's size, or the model finds nothing at the prompt.
        """
        if self.label_map is not None:
            own, size = self.label_map.labels.shape, embedding.geometry.original_size
            if own != size:
                said = f"{own[1]}x{own[0]} pixels, the frame {size[1]}x{size[0]}"
                raise VosError(f"the mask of frame {self.frame_index} is {said}; draw it at that size")
            return self.label_map, 1.0
        assert self.prompt is not None
        best = model.decode_prompts(embedding, [self.prompt]).best()
        logits = embedding.geometry.logits_to_original(best.logits.float())[0, 0]
        labels = (logits > 0).cpu().numpy().astype(np.uint8)
        if not labels.any():
            raise VosError(f"model={model.name} finds no object at the given box or point; move it, or give ref_mask=")
        return LabelMap(labels, (1,)), float(best.predicted_iou[0, 0].clamp(0, 1))


def _are_numbers(values: Sequence[float], count: int) -> bool:
    """Tells whether these are so many numbers; a list on the command line may hold anything."""
    return len(values) == count and all(isinstance(v, (int, float)) and math.isfinite(v) for v in values)


def box_prompt(box: Sequence[float], size: SizeHW) -> Prompt:
    """Makes a prompt from a box (x, y, width, height) in pixels of a frame of ``size`` (H, W).

    Raises:
        VosError: not four numbers, or not inside the frame.
    """
    height, width = size
    inside = _are_numbers(box, 4) and box[2] > 0 and box[3] > 0
    if not inside or box[0] < 0 or box[1] < 0 or box[0] + box[2] > width or box[1] + box[3] > height:
        raise VosError(
            f"ref_box={list(box)} is not [x, y, width, height] inside the frame of {width} x {height} pixels"
        )
    corners = np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]], np.float32)
    return Prompt(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), corners)


def point_prompt(point: Sequence[float], size: SizeHW) -> Prompt:
    """Makes a prompt from a point (x, y) on the object, in pixels of a frame of ``size`` (H, W).

    Raises:
        VosError: not two numbers, or not inside the frame.
    """
    height, width = size
    if not _are_numbers(point, 2) or not (0 <= point[0] < width and 0 <= point[1] < height):
        raise VosError(f"ref_point={list(point)} is not [x, y] inside the frame, {width} x {height} pixels")
    return Prompt(np.array([point], np.float32), np.ones(1, np.int64))


def read_given(
    size: SizeHW,
    ref_frame: Sequence[int] | None = None,
    *,
    first: int = 0,
    masks: Sequence[Path] = (),
    box: Sequence[float] | None = None,
    point: Sequence[float] | None = None,
    concepts: Sequence[Path] = (),
    on_masks: Callable[[ReferenceMasks], None] = lambda masks: None,
) -> list[Reference]:
    """Reads what to follow, from exactly one of masks, a box, a point and concept files.

    Args:
        size: (H, W) of the video's frames in pixels.
        ref_frame: number of the frame, as the clip counts from 0; of several masks one each; None = ``first``.
        first: number of the first frame that is wanted.
        masks: mask images, one per frame.
        box: (x, y, width, height), pixels.
        point: (x, y), pixels.
        concepts: files of ``python -m vos.concept``; ids 1, 2, ... in their order.
        on_masks: called with what was understood of the masks.

    Raises:
        VosError: not exactly one of them, or one that cannot be read or does not fit the video.
    """
    every = {"ref_mask": bool(masks), "ref_box": box is not None, "ref_point": point is not None}
    given = [name for name, there in (every | {"concept": bool(concepts)}).items() if there]
    if len(given) != 1:
        said = " and ".join(given) or "none"
        raise VosError(f"give exactly one of ref_mask=, ref_box=, ref_point= and concept= ({said} given)")
    ref_frame = [first] if ref_frame is None else ref_frame
    named = f"ref_frame={','.join(map(str, ref_frame))}"
    if min(ref_frame, default=-1) < 0:
        raise VosError(f"{named} is not a frame number; they count from 0")
    if concepts:
        if list(ref_frame) != [first]:
            raise VosError(f"{named} belongs to a mask; concept= is searched from frame {first} on")
        return [Reference(first, concepts=tuple(Concept.load(path) for path in concepts))]
    if masks:
        if len(masks) != len(ref_frame):
            raise VosError(
                f"{len(masks)} masks in ref_mask= but {len(ref_frame)} frames in ref_frame=; give one for each"
            )
        given_masks = read_references(masks, size)
        on_masks(given_masks)
        return [Reference(index, label_map) for index, label_map in zip(ref_frame, given_masks.label_maps)]
    if len(ref_frame) != 1:
        raise VosError(f"{given[0]}= takes one frame, not {named}")
    if box is not None:
        return [Reference(ref_frame[0], prompt=box_prompt(box, size))]
    assert point is not None
    return [Reference(ref_frame[0], prompt=point_prompt(point, size))]


def object_ids(references: Sequence[Reference]) -> tuple[int, ...]:
    """Lists the ids of the objects that the references name together: of masks, of concepts, or the one of a prompt."""
    named = [each.shown() if each.label_map is None else each.label_map.object_ids for each in references]
    return tuple(sorted({i for ids in named for i in ids}))


def in_order(references: Sequence[Reference]) -> list[Reference]:
    """Sorts references by frame, every mask naming the objects of all, so that ids are fixed from the first frame on.

    Raises:
        VosError: none, or two for the same frame.
    """
    ordered = sorted(references, key=lambda reference: reference.frame_index)
    if not ordered:
        raise VosError("there is nothing to follow; give ref_mask=, ref_box= or ref_point=")
    for one, other in pairwise(ordered):
        if one.frame_index == other.frame_index:
            raise VosError(f"ref_frame={one.frame_index} has two masks; give one mask per frame")
    maps = [reference.label_map for reference in ordered if reference.label_map is not None]
    ids = tuple(sorted({i for label_map in maps for i in label_map.object_ids}))
    return [
        reference
        if reference.label_map is None
        else replace(reference, label_map=LabelMap(reference.label_map.labels, ids))
        for reference in ordered
    ]
