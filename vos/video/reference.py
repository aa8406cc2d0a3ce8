"""What the user gives to follow: masks, prompts from which a model makes them, or concepts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.masks.reference import ReferenceMasks, read_references
from vos.io.prompts.clicks import Names, make_prompt, read_clicks
from vos.io.prompts.file import GivenPrompts, read_prompt_file
from vos.structures import LabelMap, ObjectPrompt


@dataclass(frozen=True, slots=True)
class Reference:
    """The objects in one frame.

    Attributes:
        frame_index: the frame that it belongs to, from 0.
        label_map: the mask, given or made of prompts; or None.
        prompts: instead of a mask: what shows each object, with different ids; see ``vos.video.first_masks``.
        concepts: instead of either: what photos outside of the video have shown; they are searched from here on.
        predicted_iou: of objects whose mask was made of prompts, by id.
        ids: of all objects that are followed, which a mask made of prompts names; () = no others than its own.
    """

    frame_index: int
    label_map: LabelMap | None = None
    prompts: tuple[ObjectPrompt, ...] = ()
    concepts: tuple[Concept, ...] = ()
    predicted_iou: Mapping[int, float] = field(default_factory=dict)
    ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if (self.label_map is not None) + bool(self.prompts) + bool(self.concepts) != 1:
            raise ValueError("a reference is either a label map or prompts or concepts")

    def shown(self) -> list[int]:
        """Lists the ids of the objects that it shows; its label map may name others besides."""
        if self.label_map is not None:
            return [int(i) for i in np.unique(self.label_map.labels) if i]
        return sorted(each.object_id for each in self.prompts) or list(range(1, len(self.concepts) + 1))

    def digest(self) -> str:
        """Hashes the mask or the concepts' names; prompts become a mask before anything is kept of them."""
        parts = [*(concept.name for concept in self.concepts), *map(str, sorted(self.predicted_iou.items()))]
        pixels = b"" if self.label_map is None else self.label_map.labels.tobytes()
        return hashlib.sha256(repr(parts).encode() + pixels).hexdigest()

    def mask(self, size: SizeHW) -> LabelMap:
        """Returns the mask for a frame of ``size`` (H, W).

        Raises:
            VosError: it has another size.
        """
        assert self.label_map is not None
        own = self.label_map.labels.shape
        if own != size:
            said = f"{own[1]}x{own[0]} pixels, the frame {size[1]}x{size[0]}"
            raise VosError(f"the mask of frame {self.frame_index} is {said}; draw it at that size")
        return self.label_map


@dataclass(frozen=True)
class Clicked:
    """What options show of object 1: ``ref_point=``, ``ref_point_label=``, ``ref_box=`` and ``ref_candidate=``.

    Attributes:
        points: [x, y], or a list of them; None = none.
        labels: 1 = on the object, 0 = not on it, for each point; None = all are on it.
        box: [x, y, width, height], or None.
        candidate: which of the model's candidates, from 1; None = the best.
    """

    points: object = None
    labels: object = None
    box: object = None
    candidate: int | None = None

    @property
    def options(self) -> list[str]:
        """Names what is given, without what only goes with it."""
        return ["ref_box"] * (self.box is not None) + ["ref_point"] * (self.points is not None)

    def check(self) -> None:
        """Raises a VosError where there is something that only goes with clicks or a box."""
        if self.labels is not None and self.points is None:
            raise VosError(f"ref_point_label={self.labels} belongs to ref_point=; give the points, or leave it out")
        if self.candidate is not None and not self.options:
            raise VosError(f"ref_candidate={self.candidate} chooses among answers to clicks or a box; give them, too")

    def prompt(self, size: SizeHW) -> ObjectPrompt:
        """Reads it for a frame of ``size`` (H, W).

        Raises:
            VosError: it is not understood, or not inside the frame.
        """
        names = Names()
        clicks = [] if self.points is None else read_clicks(self.points, size, names, self.labels)
        return make_prompt(clicks, self.box, size, names, candidate=self.candidate)


def read_given(
    size: SizeHW,
    ref_frame: Sequence[int] | None = None,
    *,
    first: int = 0,
    masks: Sequence[Path] = (),
    clicked: Clicked = Clicked(),
    concepts: Sequence[Path] = (),
    prompts: Path | None = None,
    on_masks: Callable[[ReferenceMasks], None] = lambda masks: None,
    on_prompts: Callable[[GivenPrompts], None] = lambda prompts: None,
) -> list[Reference]:
    """Reads what to follow: masks, clicks and a box, concept files, or a file of prompts.

    Args:
        size: (H, W) of the video's frames in pixels.
        ref_frame: number of the frame, as the clip counts from 0; of several masks one each; None = ``first``.
        first: number of the first frame that is wanted.
        masks: mask images, one per frame.
        clicked: what options show of object 1.
        concepts: files of ``python -m vos.concept``; ids 1, 2, ... in their order.
        prompts: a file of prompts, see :mod:`vos.io.prompts.file`.
        on_masks: called with what was understood of the masks.
        on_prompts: called with what the file of prompts holds.

    Raises:
        VosError: not exactly one of them, or one that cannot be read or does not fit the video.
    """
    kind = _only_one(masks, clicked, concepts, prompts)
    if prompts is not None:
        if ref_frame is not None:
            raise VosError(f"ref_frame={_listed(ref_frame)}: the frames stand in prompts={prompts}; leave it out")
        given = read_prompt_file(prompts, size)
        on_prompts(given)
        return [Reference(index, prompts=_with_candidate(objects, clicked)) for index, objects in given.frames.items()]
    frames = [first] if ref_frame is None else ref_frame
    named = f"ref_frame={_listed(frames)}"
    if min(frames, default=-1) < 0:
        raise VosError(f"{named} is not a frame number; they count from 0")
    if concepts:
        if list(frames) != [first]:
            raise VosError(f"{named} belongs to a mask; concept= is searched from frame {first} on")
        return [Reference(first, concepts=tuple(Concept.load(path) for path in concepts))]
    if masks:
        if len(masks) != len(frames):
            raise VosError(f"{len(masks)} masks in ref_mask= but {len(frames)} frames in ref_frame=; give one for each")
        given_masks = read_references(masks, size)
        on_masks(given_masks)
        return [Reference(index, label_map) for index, label_map in zip(frames, given_masks.label_maps)]
    if len(frames) != 1:
        raise VosError(f"{kind}= takes one frame, not {named}; several frames or objects go into prompts=first.json")
    return [Reference(frames[0], prompts=(clicked.prompt(size),))]


def _listed(frames: Sequence[int]) -> str:
    return ",".join(map(str, frames))


def _only_one(masks: Sequence[Path], clicked: Clicked, concepts: Sequence[Path], prompts: Path | None) -> str:
    """Names the one kind of what is given.

    Raises:
        VosError: none, several, or something that does not go with it.
    """
    kinds = {"ref_mask": bool(masks), "prompts": prompts is not None, "concept": bool(concepts)}
    given = [*(name for name, there in kinds.items() if there), *clicked.options]
    if len(given) != 1 and given != ["ref_box", "ref_point"]:
        said = " and ".join(given) or "none"
        raise VosError(
            f"give exactly one of ref_mask=, ref_box= (also with ref_point=), ref_point=, prompts= and concept= "
            f"({said} given); prompts=first.json mixes masks, boxes and points"
        )
    if prompts is None:
        clicked.check()
    return given[-1]


def _with_candidate(objects: Sequence[ObjectPrompt], clicked: Clicked) -> tuple[ObjectPrompt, ...]:
    """Puts ``ref_candidate=`` where the file chooses none itself."""
    wanted = None if clicked.candidate is None else clicked.candidate - 1
    is_open = [each.mask is None and each.candidate is None for each in objects]
    return tuple(replace(each, candidate=wanted) if free else each for each, free in zip(objects, is_open))


def object_ids(references: Sequence[Reference]) -> tuple[int, ...]:
    """Lists the ids of the objects that the references name together: of masks, prompts and concepts."""
    named = [each.shown() if each.label_map is None else each.label_map.object_ids for each in references]
    return tuple(sorted({i for ids in named for i in ids}))


def in_order(references: Sequence[Reference]) -> list[Reference]:
    """Sorts references by frame, every mask naming the objects of all, so that ids are fixed from the first frame on.

    Raises:
        VosError: none, or two for the same frame.
    """
    ordered = sorted(references, key=lambda reference: reference.frame_index)
    if not ordered:
        raise VosError("there is nothing to follow; give ref_mask=, ref_box=, ref_point= or prompts=")
    for one, other in pairwise(ordered):
        if one.frame_index == other.frame_index:
            raise VosError(f"ref_frame={one.frame_index} has two masks; give one mask per frame")
    ids = tuple(sorted({i for each in ordered if not each.concepts for i in object_ids([each])}))
    return [
        replace(each, label_map=None if each.label_map is None else LabelMap(each.label_map.labels, ids), ids=ids)
        for each in ordered
    ]
