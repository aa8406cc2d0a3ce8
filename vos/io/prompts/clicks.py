"""What a user shows of one object with the mouse - clicks, a box, scribbles - checked and joined to one prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.prompts.values import Point, are_numbers, is_list, read_box, read_point, shown
from vos.structures import ObjectPrompt

MOST_CLICKS = 200  # of one object
CANDIDATES = 3  # masks that a model offers for a prompt
SAMPLES = 8  # clicks that stand for a scribble, at most
STEP = 0.03  # of the frame's diagonal, between two of them where the scribble is short
Click = tuple[float, float, int]


@dataclass(frozen=True, slots=True)
class Names:
    """How the parts of a prompt are called where the user wrote them, for messages."""

    points: str = "ref_point"
    box: str = "ref_box"
    labels: str = "ref_point_label"
    candidate: str = "ref_candidate"
    whole: str = "ref_point"


def read_clicks(value: object, size: SizeHW, names: Names, labels: object = None) -> list[Click]:
    """Reads [x, y] or a list of them; each may have a third number, 1 = on the object, 0 = not on it.

    Args:
        value: as the user wrote it.
        size: (H, W) of the frame.
        names: of what the user wrote.
        labels: the third numbers, where they stand by themselves: one, or one per click. None = on the object.

    Raises:
        VosError: something else, not inside the frame, or labels that do not fit.
    """
    is_single = not is_list(value) or not any(map(is_list, value))
    points = list(value) if is_list(value) and not is_single else [value]
    if len(points) > MOST_CLICKS:
        raise VosError(f"{names.points} has {len(points)} clicks; give at most {MOST_CLICKS} for an object")
    clicks = []
    for k, point in enumerate(points):
        called = names.points if len(points) == 1 else f"{names.points}[{k}]"
        has_label = are_numbers(point, 3)
        x, y = read_point(point[:2] if has_label and is_list(point) else point, called, size)
        label = point[2] if has_label and is_list(point) else 1
        if label not in (0, 1):
            raise VosError(
                f"{called}={shown(point)} ends in {shown(label)}; give [x, y] or [x, y, 1] on the object, [x, y, 0] "
                "beside it"
            )
        if has_label and labels is not None:
            raise VosError(f"{called}={shown(point)} says itself whether it is on the object; leave out {names.labels}")
        clicks.append((x, y, 1 if label else 0))
    if labels is None:
        return clicks
    given = list(labels) if is_list(labels) else [labels]
    if wrong := [one for one in given if isinstance(one, bool) or one not in (0, 1)]:
        raise VosError(f"{names.labels} has {shown(wrong[0])}; a click is 1 = on the object, or 0 = not on it")
    if len(given) != len(clicks):
        raise VosError(
            f"{names.labels}={shown(labels)} does not fit {len(clicks)} click{'s' * (len(clicks) > 1)}; "
            "give one number for each: 1 = on the object, 0 = not on it"
        )
    return [(x, y, 1 if label else 0) for (x, y, _), label in zip(clicks, given)]


def read_scribble(value: object, called: str, size: SizeHW, label: int) -> list[Click]:
    """Reads a line drawn over the object, [[x, y], ...], or several; returns clicks along it.

    Args:
        value: as the user wrote it.
        called: what it is called there.
        size: (H, W) of the frame.
        label: 1 = it is on the object, 0 = beside it.

    Raises:
        VosError: something else, or not inside the frame.
    """
    if not is_list(value) or not value:
        raise VosError(f"{called}={shown(value)} is no line [[x, y], ...]")
    is_several = all(is_list(part) and part and all(map(is_list, part)) for part in value)
    lines = [line for line in value if is_list(line)] if is_several else [value]
    clicks: list[Click] = []
    for number, line in enumerate(lines):
        name = f"{called}[{number}]" if is_several else called
        points = [read_point(point, f"{name}[{k}]", size) for k, point in enumerate(line)]
        clicks += [(x, y, label) for x, y in along(points, STEP * math.hypot(*size))]
    return clicks


def along(line: Sequence[Point], step: float) -> list[Point]:
    """Spreads points evenly over a line, away from its ends, which are drawn least exactly.

    Args:
        line: its corners, at least one.
        step: about between two points, at most ``SAMPLES`` of them; pixels.
    """
    corners = np.asarray(line, np.float64)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))]) if len(line) > 1 else [0.0]
    count = min(SAMPLES, max(1, math.ceil(lengths[-1] / step)))
    at = (np.arange(count) + 0.5) * lengths[-1] / count
    return [(float(np.interp(a, lengths, corners[:, 0])), float(np.interp(a, lengths, corners[:, 1]))) for a in at]


def read_candidate(value: object, called: str) -> int | None:
    """Reads which candidate is wanted, 1 to 3, as a number from 0; None stays None.

    Raises:
        VosError: something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or value not in range(1, CANDIDATES + 1) or not isinstance(value, int):
        raise VosError(f"{called}={shown(value)} is no candidate; choose 1, 2 or {CANDIDATES}, as preview=true shows")
    return value - 1


def make_prompt(
    clicks: Sequence[Click],
    box: object,
    size: SizeHW,
    names: Names,
    *,
    object_id: int = 1,
    name: str = "",
    candidate: object = None,
) -> ObjectPrompt:
    """Joins what is shown of one object.

    Args:
        clicks: (x, y, 1 = on the object or 0), pixels of the frame.
        box: [x, y, width, height] as the user wrote it, or None.
        size: (H, W) of the frame.
        names: of what the user wrote.
        object_id: of the object.
        name: of the object.
        candidate: which one is wanted, from 1; None = the best.

    Raises:
        VosError: they contradict each other, or nothing is on the object.
    """
    corners = None if box is None else read_box(box, names.box, size)
    on = {(int(x), int(y)) for x, y, label in clicks if label}
    both = on & {(int(x), int(y)) for x, y, label in clicks if not label}
    if both:
        raise VosError(f"{names.whole}: the click at {list(min(both))} is on the object and not on it; leave one out")
    if not on and corners is None:
        raise VosError(f"{names.whole}: all clicks are beside the object; give at least one on it, or a box")
    if len(clicks) > MOST_CLICKS:
        raise VosError(f"{names.whole} has {len(clicks)} clicks; give at most {MOST_CLICKS} for an object")
    if corners is not None:
        for x, y, label in clicks:
            if label and not (corners[0] <= x <= corners[2] and corners[1] <= y <= corners[3]):
                raise VosError(f"{names.whole}: the click at [{x:g}, {y:g}] on the object is outside its box; move one")
    return ObjectPrompt(
        object_id,
        np.array([(x, y) for x, y, _ in clicks], np.float32).reshape(-1, 2),
        np.array([label for *_, label in clicks], np.int64),
        corners,
        name=name,
        candidate=read_candidate(candidate, names.candidate),
    )
