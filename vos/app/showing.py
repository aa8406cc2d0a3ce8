"""From what the pointer did to what a session is told: clicks that add up, boxes, strokes of a brush."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from vos.app.views import labels
from vos.errors import VosError
from vos.session.session import Session

MOST_POINTS = 200


def clicked(session: Session, frame: int, object_id: int, point: Sequence[int]) -> dict[str, Any]:
    """Adds a click to those that are there; where there are none but a mask, the click corrects that.

    Args:
        session: the clip.
        frame: its number.
        object_id: of the object.
        point: [x, y, label] in pixels; label 1 = on the object, 0 = not on it.

    Returns:
        What :meth:`Session.prompt` is told.

    Raises:
        VosError: there is nothing yet that the click could take something from, or there are too many.
    """
    entry = session.prompts_in(frame).get(object_id, {})
    points, box = [*entry.get("points", ()), point], entry.get("box")
    if len(points) > MOST_POINTS:
        raise VosError(f"these are more than {MOST_POINTS} clicks in one frame; use the brush")
    is_known = bool((labels(session, frame) == object_id).any())
    if is_known and len(points) == 1 and box is None:
        return {**_split(points), "refine": True}
    if box is None and not any(label for *_, label in points):
        raise VosError("there is nothing yet to take away from: click on the object first")
    return {**_split(points), "box": box}


def boxed(session: Session, frame: int, object_id: int, box: Sequence[int]) -> dict[str, Any]:
    """Puts a box [x, y, width, height] in the place of the one that was there; clicks stay."""
    return {"box": list(box), **_split(session.prompts_in(frame).get(object_id, {}).get("points", ()))}


def otherwise(session: Session, frame: int, object_id: int) -> dict[str, Any]:
    """Takes the next of the masks that clicks and box could mean.

    Raises:
        VosError: it is shown by neither.
    """
    entry, answer = session.prompts_in(frame).get(object_id, {}), session.answers(frame).get(object_id)
    if answer is None or len(answer.candidates) < 2:
        raise VosError("there is no other mask to choose here; click on the object, or drag a box around it")
    following = (answer.chosen + 1) % len(answer.candidates) + 1
    return {**_split(entry.get("points", ())), "box": entry.get("box"), "candidate": following}


def painted(
    session: Session, frame: int, object_id: int, stroke: Sequence[Sequence[int]], radius: int, erase: bool
) -> dict[str, Any]:
    """Draws a stroke into the object's mask, or wipes it off.

    Args:
        session: the clip.
        frame: its number.
        object_id: of the object.
        stroke: [[x, y], ...] in pixels.
        radius: of the brush, pixels.
        erase: wipe off.

    Returns:
        What :meth:`Session.prompt` is told.

    Raises:
        VosError: nothing would be left.
    """
    mask = (labels(session, frame) == object_id).astype(np.uint8)
    line = np.asarray(stroke, np.int32).reshape(-1, 1, 2)
    cv2.polylines(mask, [line], isClosed=False, color=0 if erase else 1, thickness=2 * radius)
    for x, y in stroke if len(stroke) == 1 else ():
        cv2.circle(mask, (x, y), radius, 0 if erase else 1, thickness=-1)
    if not mask.any():
        raise VosError("nothing would be left of the object; take it out of this frame with Delete instead")
    return {"mask": mask > 0}


def _split(points: Sequence[Sequence[float]]) -> dict[str, Any]:
    return {"points": [each[:2] for each in points], "labels": [each[2] for each in points]} if points else {}


def checked(body: Mapping[str, Any], size: tuple[int, int]) -> Mapping[str, Any]:
    """Looks whether what the page sends of a pointer is what a page of ours sends.

    Raises:
        VosError: it is something else, or lies outside of the frame.
    """
    height, width = size

    def is_pixel(at: object) -> bool:
        return isinstance(at, list) and len(at) == 2 and all(type(v) is int for v in at) and _inside(at, width, height)

    point, box, stroke = body.get("point"), body.get("box"), body.get("stroke")
    is_right = (
        (point is not None and isinstance(point, list) and is_pixel(point[:2]) and point[2:] in ([0], [1]))
        or (box is not None and isinstance(box, list) and len(box) == 4 and all(type(v) in (int, float) for v in box))
        or body.get("other") is True
        or (isinstance(stroke, list) and 0 < len(stroke) <= 20_000 and all(map(is_pixel, stroke)))
    )
    if not is_right or not isinstance(body.get("radius", 1), int) or not 0 < body.get("radius", 1) <= 2000:
        raise VosError("this is neither a click nor a box nor a stroke of a brush; reload the page")
    return body


def _inside(at: Sequence[int], width: int, height: int) -> bool:
    return 0 <= at[0] < width and 0 <= at[1] < height
