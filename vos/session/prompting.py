"""From what a user shows in a frame to its mask, at once: the interactive decoder, on encodings that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vos.api.prompts import plain
from vos.concept.concept import Concept
from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.prompts.file import read_objects
from vos.photos.segmenter import segment
from vos.session.edits import Entry
from vos.structures import Frame, ObjectPrompt, Presence
from vos.video.first_masks import ShownFrame

HERE = "prompt"  # what a prompt is called that stands in no file


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a model makes of what a user shows of one object in one frame.

    Attributes:
        frame: number of the frame.
        object_id: of the object.
        mask: bool (H, W), what is going to be followed; pixels that another object has been shown on are not in it.
        predicted_iou: in [0, 1], the model's own estimate; 1 of a mask that was given.
        candidates: bool (M, H, W), what the prompt may mean, roughly part, more, whole; M = 1 of a mask.
        candidate_iou: float32 (M,), the model's estimate of each.
        chosen: which candidate it is, from 0.
        doubts: what is doubtful about it, a line each.
    """

    frame: int
    object_id: int
    mask: npt.NDArray[np.bool_]
    predicted_iou: float
    candidates: npt.NDArray[np.bool_]
    candidate_iou: npt.NDArray[np.float32]
    chosen: int
    doubts: tuple[str, ...]


def answers_of(shown: ShownFrame) -> dict[int, Answer]:
    """Says what was understood of each object in a frame, by id."""
    return {
        each.prompt.object_id: Answer(
            frame=shown.frame.index,
            object_id=each.prompt.object_id,
            mask=shown.label_map.labels == each.prompt.object_id,
            predicted_iou=each.first.quality,
            candidates=each.first.candidates,
            candidate_iou=each.first.predicted_iou,
            chosen=each.first.chosen,
            doubts=tuple(issue.message for issue in each.issues),
        )
        for each in shown.objects
    }


def clicked(points: object, labels: object, box: object, candidate: int | None) -> Entry:
    """Writes clicks and a box as a file of prompts has them; they are not looked at yet.

    Raises:
        VosError: there are not as many labels as points.
    """
    clicks: list[Any] = plain(points) or []
    if clicks and not isinstance(clicks[0], list):
        clicks = [clicks]
    given = None if labels is None else plain(labels)
    if given is not None:
        given = given if isinstance(given, list) else [given]
        if len(given) != len(clicks):
            raise VosError(f"labels={given} does not fit {len(clicks)} points; give 1 or 0 for each")
        clicks = [[*click, label] for click, label in zip(clicks, given)]
    parts = {"points": clicks or None, "box": plain(box), "candidate": candidate}
    return {name: value for name, value in parts.items() if value is not None}


def checked_mask(mask: object, size: SizeHW) -> npt.NDArray[np.bool_]:
    """Returns a drawn mask, bool (H, W).

    Raises:
        VosError: it is something else, has another size, or no pixel.
    """
    array = np.asarray(mask)
    if array.dtype != np.bool_ or array.shape != size or not array.any():
        what = "it holds no pixel" if array.shape == size and array.dtype == np.bool_ else f"not {array.dtype}"
        raise VosError(f"a mask of shape {array.shape} shows nothing here: give bool {size} (H, W), {what}")
    return array


def found(concept: Concept | str | Path, frame: Frame) -> npt.NDArray[np.bool_]:
    """Searches a concept in a frame; returns its mask, bool (H, W).

    Raises:
        VosError: it is not there, or cannot be read.
    """
    result = segment(frame.rgb, concept)
    if result.presence is not Presence.PRESENT:
        raise VosError(
            f"{result.concept} is not found in frame {frame.index} (score {result.score:.2f}); show it by a click or "
            "a box"
        )
    return result.mask


def read_entries(entries: Sequence[Mapping[str, Any]], size: SizeHW, folder: Path) -> tuple[ObjectPrompt, ...]:
    """Reads what is shown in a frame as ``python -m vos.run`` reads it from the file.

    Raises:
        VosError: it is not understood, or does not fit the frame.
    """
    return read_objects(entries, size, HERE, folder).frames[0]
