"""What users give to follow in Python: mask files, arrays, boxes, clicks and concepts, for one frame or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from vos.api.prompts import KINDS, as_objects, as_path, is_prompt_file, is_prompts, prompts_of_frame, whole_prompts
from vos.concept.concept import Concept
from vos.concept.file import CONCEPT
from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.frames import FrameSource
from vos.io.masks.reference import read_references
from vos.structures import LabelMap
from vos.video.reference import Reference

Numbers = Sequence[float]
Array = npt.NDArray[Any] | torch.Tensor
Prompts = Mapping[str, Any]
GivenReference = (
    str
    | Path
    | Array
    | LabelMap
    | Concept
    | Prompts
    | Numbers
    | Sequence[Numbers]
    | Sequence[Concept]
    | Sequence[Prompts]
)
"""A mask or concept file; an array (H, W) of ids, from NumPy or torch; a box [x, y, width, height]; a click [x, y], or
several of them, each with a third number where it is not on the object: [x, y, 0]; a concept, or several; objects as
in a file of prompts, {"id": 1, "box": [x, y, width, height], "points": [[x, y, 1]]}, one or several, or such a file."""

EMPTY = "the mask holds no object: every pixel is background"
VOID = 255  # beside other ids: pixels that belong to nothing


def as_references(
    given: GivenReference | Mapping[int, GivenReference], source: FrameSource
) -> tuple[list[Reference], Mapping[int, int], list[Path]]:
    """Reads what to follow.

    Args:
        given: for the first frame; or by frame number, for several frames.
        source: the frames that it belongs to.

    Returns:
        The references in the order of their frames, of ids that were numbered anew the masks' own ones, and the files
        that were read.

    Raises:
        VosError: it cannot be read or understood, does not fit the frames, or the frames cannot be read twice.
    """
    if (prompts := whole_prompts(given, source.size)) is not None:
        references = [Reference(index, prompts=objects) for index, objects in prompts.frames.items()]
        _check_live(source, [reference.frame_index for reference in references])
        return references, {}, [*([as_path(given)] if is_prompt_file(given) else []), *prompts.files]
    by_frame: Mapping[int, Any] = {source.first: given}
    if isinstance(given, Mapping) and not is_prompts(given):
        by_frame = cast(Mapping[int, Any], given)
    if not by_frame:
        raise VosError(f"there is nothing to follow; give {KINDS}")
    for index in by_frame:
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)) or index < 0:
            raise VosError(f"reference frame {index!r} is not a frame number; they count from {source.first}")
    _check_live(source, list(by_frame))
    files = [index for index, one in by_frame.items() if is_mask_file(one)]
    masks = read_references([as_path(by_frame[index]) for index in files], source.size) if files else None
    read = {} if masks is None else dict(zip(files, masks.label_maps))
    references = [read_reference(int(i), read.get(i, one), source.size) for i, one in sorted(by_frame.items())]
    _check_together(references, by_frame.values(), source.first)
    paths = [as_path(one) for one in by_frame.values() if isinstance(one, (str, Path))]
    return references, {} if masks is None else masks.original_ids, paths


def _check_live(source: FrameSource, frames: Sequence[int]) -> None:
    """Refuses references that come too late for frames that are read only once."""
    if source.is_live and min(frames) != source.first:
        raise VosError(
            f"the reference belongs to frame {min(frames)}, but these frames can be read only once, from the start; "
            f"give one for frame {source.first}, or frames that can be read again (a file, a list)"
        )


def read_reference(index: int, given: GivenReference, size: SizeHW) -> Reference:
    """Reads what is given for one frame of ``size`` (H, W), whose number is ``index``.

    Raises:
        VosError: it cannot be read or understood, or does not fit the frame.
    """
    if isinstance(given, Concept):
        return Reference(index, concepts=(given,))
    if isinstance(given, (str, Path)):
        if is_mask_file(given):
            return Reference(index, read_references([as_path(given)], size).label_maps[0])
        if not is_prompt_file(given):
            return Reference(index, concepts=(Concept.load(as_path(given)),))
    if isinstance(given, LabelMap):
        if not given.labels.any():
            raise VosError(EMPTY)
        return Reference(index, label_map=given)
    if isinstance(given, torch.Tensor):
        given = given.detach().cpu().numpy()
    if isinstance(given, np.ndarray) and given.ndim == 2 and (given.shape == size or given.shape[1] > 4):
        return Reference(index, label_map=as_label_map(given))
    if isinstance(given, Sequence) and given and all(isinstance(one, Concept) for one in given):
        return Reference(index, concepts=tuple(one for one in given if isinstance(one, Concept)))
    return Reference(index, prompts=prompts_of_frame(given, size))


def as_label_map(mask: npt.NDArray[Any]) -> LabelMap:
    """Reads a mask (H, W): ids 1..255 as they are, bool as object 1, floating point in 0..1 cut at half.

    As in mask files, 255 alone is object 1, and beside other ids void.

    Raises:
        VosError: no object, more than 255, or numbers of another kind.
    """
    if mask.dtype.kind == "f" and mask.size and not (mask.min() >= 0 and mask.max() <= 1):
        raise VosError(f"the mask is {mask.dtype} from {mask.min()} to {mask.max()}; give 0..1, or ids as integers")
    if mask.dtype.kind not in "biuf":
        raise VosError(f"the mask is an array of {mask.dtype}; give bool, integers or floating point")
    labels = mask > 0.5 if mask.dtype.kind == "f" else mask
    ids = [int(i) for i in np.unique(labels) if i]
    if not ids:
        raise VosError(EMPTY)
    if ids[0] < 0 or ids[-1] > VOID:
        raise VosError(f"the mask holds the id {ids[0] if ids[0] < 0 else ids[-1]}; ids are from 1 to 255")
    if ids == [VOID]:
        return LabelMap((labels == VOID).astype(np.uint8), (1,))
    if ids[-1] == VOID:
        labels, ids = np.where(labels == VOID, 0, labels), ids[:-1]
    return LabelMap(np.array(labels, dtype=np.uint8), tuple(ids))  # a copy: the caller may draw on


def is_mask_file(given: object) -> bool:
    """Tells whether this is the path of a mask rather than of a concept or of prompts."""
    return isinstance(given, (str, Path)) and not is_prompt_file(given) and not CONCEPT.is_at(as_path(given))


def _check_together(references: Sequence[Reference], given: Iterable[object], first: int) -> None:
    """Refuses references that do not go together."""
    for reference in references:
        if reference.concepts and (len(references) > 1 or reference.frame_index != first):
            raise VosError(f"a concept is searched from frame {first} on, and goes with no other reference")
    ids = {i for one in references if one.label_map is not None for i in one.label_map.object_ids}
    if ids - {1} and any(_are_bare(one) for one in given):
        raise VosError(
            f"a box or clicks mean object 1, but a mask shows {sorted(ids)}; give masks for all frames, or say which "
            'object it is: {"id": 3, "points": [[x, y]]}'
        )


def _are_bare(given: object) -> bool:
    """Tells whether these are clicks or a box without an id."""
    is_array = isinstance(given, (np.ndarray, torch.Tensor)) and (given.ndim == 1 or given.shape[1] < 4)
    if is_array or not isinstance(given, Sequence) or isinstance(given, str):
        return is_array
    return not as_objects(given) and not all(isinstance(one, Concept) for one in given)
