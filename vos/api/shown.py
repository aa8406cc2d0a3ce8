"""What a caller shows of one frame to a tracker: masks, prompts and concepts, each for the objects that it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from vos.api.reference import GivenReference, read_reference
from vos.concept.concept import Concept
from vos.errors import VosError
from vos.geometry import SizeHW
from vos.structures import Frame, LabelMap, ObjectPrompt, TrackedFrame
from vos.video.first_masks import ShownFrame, with_masks
from vos.video.names import checked_name
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
        names: that prompts give to objects, by id.
    """

    labels: npt.NDArray[np.uint8]
    concepts: dict[int, Concept] = field(default_factory=dict)
    quality: dict[int, float] = field(default_factory=dict)
    ids: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)

    def add(self, mask: LabelMap, object_id: int | None, quality: Mapping[int, float]) -> None:
        """Adds a mask, all of which shows ``object_id`` if that is given, and the ``quality`` of its objects by id."""
        inside = mask.labels > 0
        self.labels[inside] = mask.labels[inside] if object_id is None else object_id
        ids = mask.object_ids if object_id is None else (object_id,)
        self.ids.update(ids)
        self.quality.update({i if object_id is None else object_id: value for i, value in quality.items()})

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
    shown = (one.concepts or one.prompts if one.label_map is None else one.label_map.object_ids for one in references)
    return max(1, sum(map(len, shown)))


def show(
    given: Iterable[tuple[Reference, int | None]],
    size: SizeHW,
    taken: set[int],
    answer: Callable[[Sequence[ObjectPrompt]], ShownFrame],
) -> Shown:
    """Joins the references for a frame, and makes masks of prompts.

    Args:
        given: references, each with the object that all of it shows; where two claim a pixel, the later one has it.
        size: (H, W) of the frame.
        taken: ids that concepts cannot have.
        answer: makes the masks of prompts in the frame.

    Raises:
        VosError: a reference does not fit the frame.
    """
    shown = Shown(np.zeros(size, np.uint8))
    for reference, object_id in given:
        if reference.concepts:
            if object_id is not None and len(reference.concepts) > 1:
                raise VosError(f"{len(reference.concepts)} concepts are no single object; give them one by one")
            first = object_id or max([*taken, *shown.ids], default=0) + 1
            shown.concepts.update(enumerate(reference.concepts, first))
            shown.ids.update(shown.concepts)
        else:
            if object_id is not None and len(reference.prompts) > 1:
                raise VosError(f"{len(reference.prompts)} objects are no single one; give them one by one")
            shown.names |= {each.object_id: checked_name(each.name) for each in reference.prompts if each.name}
            if reference.prompts:
                reference = with_masks(reference, answer(reference.prompts))
            shown.add(reference.mask(size), object_id, reference.predicted_iou)
    return shown
