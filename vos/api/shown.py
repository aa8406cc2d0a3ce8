"""What a caller shows of one frame to a tracker: masks, prompts and concepts, each for the objects that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from vos.api.reference import GivenReference, read_reference
from vos.concept.concept import Concept
from vos.errors import VosError
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap, TrackedFrame
from vos.video.reference import Reference


@dataclass(frozen=True, eq=False)
class Given:
    """A reference for the next frame, and the object that all of it shows; None = those that it names itself."""

    reference: GivenReference
    object_id: int | None = None

    def read(self, frame: Frame) -> tuple[Reference, int | None]:
        """Reads the reference; see :func:`vos.api.reference.read_reference`."""
        return read_reference(frame.index, self.reference, frame.size), self.object_id


@dataclass
class Shown:
    """What is shown in a frame.

    Attributes:
        labels: uint8 (H, W), 0 = nothing is said.
        concepts: of objects that are to be searched, by id.
        quality: predicted IoU of the masks that the model made of prompts, by id.
        ids: of all objects shown.
    """

    labels: npt.NDArray[np.uint8]
    concepts: dict[int, Concept] = field(default_factory=dict)
    quality: dict[int, float] = field(default_factory=dict)
    ids: set[int] = field(default_factory=set)

    def add(self, mask: LabelMap, object_id: int | None, quality: float | None) -> None:
        """Adds a mask, all of which shows ``object_id`` if that is given."""
        inside = mask.labels > 0
        self.labels[inside] = mask.labels[inside] if object_id is None else object_id
        ids = mask.object_ids if object_id is None else (object_id,)
        self.ids.update(ids)
        if quality is not None:
            self.quality.update(dict.fromkeys(ids, quality))

    def mask(self, ids: Iterable[int]) -> LabelMap | None:
        """Returns the masks as one that names all objects followed, ``ids``; None where there is none."""
        return LabelMap(self.labels, tuple(sorted(ids))) if self.labels.any() else None

    def with_quality(self, tracked: TrackedFrame, ids: Sequence[int]) -> TrackedFrame:
        """Puts in the model's own estimate where a prompt was given."""
        predicted_iou = tracked.predicted_iou.clone()
        for object_id, value in self.quality.items():
            predicted_iou[ids.index(object_id)] = value
        return replace(tracked, predicted_iou=predicted_iou)


def count_objects(references: Iterable[Reference]) -> int:
    """Counts the objects that the references for a frame show, at least one."""
    shown = (one.concepts or (1,) if one.label_map is None else one.label_map.object_ids for one in references)
    return max(1, sum(map(len, shown)))


def show(
    given: Iterable[tuple[Reference, int | None]], embedding: ImageEmbedding, model: Segmenter, taken: set[int]
) -> Shown:
    """Joins the references for a frame, and makes masks of prompts.

    Args:
        given: references, each with the object that all of it shows; where two claim a pixel, the later one has it.
        embedding: of the frame.
        model: that made it.
        taken: ids that concepts cannot have.

    Raises:
        VosError: a reference does not fit the frame.
    """
    shown = Shown(np.zeros(embedding.geometry.original_size, np.uint8))
    for reference, object_id in given:
        if reference.concepts:
            if object_id is not None and len(reference.concepts) > 1:
                raise VosError(f"{len(reference.concepts)} concepts are no single object; give them one by one")
            first = object_id or max([*taken, *shown.ids], default=0) + 1
            shown.concepts.update(enumerate(reference.concepts, first))
            shown.ids.update(shown.concepts)
        else:
            mask, quality = reference.mask(model, embedding)
            shown.add(mask, object_id, None if reference.prompt is None else quality)
    return shown
