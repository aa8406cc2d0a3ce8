"""What users give to follow in Python: mask files, arrays, boxes, clicks and concepts, for one frame or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vos.concept.concept import Concept
from vos.concept.file import CONCEPT
from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.frames import FrameSource
from vos.io.masks.reference import read_references
from vos.sam.prompting import Prompt
from vos.structures import LabelMap
from vos.video.reference import Reference, box_prompt, point_prompt

Numbers = Sequence[float]
Array = npt.NDArray[Any] | torch.Tensor
GivenReference = str | Path | Array | LabelMap | Concept | Numbers | Sequence[Numbers] | Sequence[Concept]
"""A mask or concept file; an array (H, W) of ids, from NumPy or torch; a box [x, y, width, height]; a click [x, y], or
several of them, each with a third number where it is not on the object: [x, y, 0]; a concept, or several."""

KINDS = "a mask (file or array of ids), a box [x, y, width, height], clicks [[x, y], ...], or a vos.Concept"
EMPTY = "the mask holds no object: every pixel is background"
VOID = 255  # beside other ids: pixels that belong to nothing


def as_references(
    given: GivenReference | Mapping[int, GivenReference], source: FrameSource
) -> tuple[list[Reference], Mapping[int, int]]:
    """Reads what to follow.

    Args:
        given: for the first frame; or by frame number, for several frames.
        source: the frames that it belongs to.

    Returns:
        The references in the order of their frames, and of ids that were numbered anew the masks' own ones.

    Raises:
        VosError: it cannot be read or understood, does not fit the frames, or the frames cannot be read twice.
    """
    by_frame = given if isinstance(given, Mapping) else {source.first: given}
    if not by_frame:
        raise VosError(f"there is nothing to follow; give {KINDS}")
    for index in by_frame:
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)) or index < 0:
            raise VosError(f"reference frame {index!r} is not a frame number; they count from {source.first}")
        if source.is_live and index != source.first and index == min(by_frame):
            raise VosError(
                f"the reference belongs to frame {index}, but these frames can be read only once, from the start; give "
                f"one for frame {source.first}, or frames that can be read again (a file, a list)"
            )
    files = [index for index, one in by_frame.items() if is_mask_file(one)]
    masks = read_references([_path(by_frame[index]) for index in files], source.size) if files else None
    read = {} if masks is None else dict(zip(files, masks.label_maps))
    references = [read_reference(int(i), read.get(i, one), source.size) for i, one in sorted(by_frame.items())]
    _check_together(references, source.first)
    return references, {} if masks is None else masks.original_ids


def read_reference(index: int, given: GivenReference, size: SizeHW) -> Reference:
    """Reads what is given for one frame of ``size`` (H, W), whose number is ``index``.

    Raises:
        VosError: it cannot be read or understood, or does not fit the frame.
    """
    if isinstance(given, Concept):
        return Reference(index, concepts=(given,))
    if isinstance(given, (str, Path)):
        if is_mask_file(given):
            return Reference(index, read_references([_path(given)], size).label_maps[0])
        return Reference(index, concepts=(Concept.load(_path(given)),))
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
    return Reference(index, prompt=_prompt(given, size))


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
    """Tells whether this is the path of a mask rather than of a concept."""
    return isinstance(given, (str, Path)) and not CONCEPT.is_at(_path(given))


def reference_files(given: GivenReference | Mapping[int, GivenReference]) -> list[Path]:
    """Lists the files among what is given."""
    every = given.values() if isinstance(given, Mapping) else [given]
    return [_path(one) for one in every if isinstance(one, (str, Path))]


def _path(given: object) -> Path:
    return Path(str(given)).expanduser()


def _prompt(given: object, size: SizeHW) -> Prompt:
    """Makes a prompt from a box or clicks."""
    clicked: object = given
    if isinstance(given, Sequence) and given and all(np.ndim(one) == 1 and len(one) in (2, 3) for one in given):
        clicked = [[*one, 1][:3] for one in given]  # some say where they are
    try:
        numbers = np.asarray(clicked, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if numbers.shape == (4,):
        return box_prompt(numbers.tolist(), size)
    clicks = numbers[None] if numbers.shape in ((2,), (3,)) else numbers
    if clicks.ndim != 2 or clicks.shape[1] not in (2, 3) or len(clicks) == 0:
        kind = f"an array {given.shape}" if isinstance(given, np.ndarray) else " ".join(repr(given).split())[:60]
        raise VosError(f"{kind} is no reference; give {KINDS}")
    for click in clicks:
        point_prompt(click[:2].tolist(), size)  # inside the frame?
    third = clicks[:, 2] if clicks.shape[1] == 3 else np.ones(len(clicks))
    if strange := [float(one) for one in third if one not in (0, 1)]:
        raise VosError(f"a click's third number is {strange[0]:g}; give 1 for on the object, 0 for beside it, or none")
    on = third > 0
    if not on.any():
        raise VosError("all clicks are beside the object; give at least one on it")
    return Prompt.from_points(clicks[on, :2].astype(np.float32), clicks[~on, :2].astype(np.float32))


def _check_together(references: Sequence[Reference], first: int) -> None:
    """Refuses references that do not go together."""
    for reference in references:
        if reference.concepts and (len(references) > 1 or reference.frame_index != first):
            raise VosError(f"a concept is searched from frame {first} on, and goes with no other reference")
    if any(reference.prompt is not None for reference in references):
        ids = {i for one in references if one.label_map is not None for i in one.label_map.object_ids}
        if ids - {1}:
            raise VosError(f"a box or clicks mean object 1, but a mask shows {sorted(ids)}; give masks for all frames")
