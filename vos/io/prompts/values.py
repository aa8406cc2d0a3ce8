"""Values as users write them: numbers, points and boxes, looked at before anything is done with them."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Sequence
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.geometry import SizeHW

HUGE = 1e9  # more than any coordinate or frame number
Point = tuple[float, float]


class _Json(reprlib.Repr):
    """Writes values as JSON has them, in a few words."""

    def repr_str(self, value: str, level: int) -> str:
        text = value if len(value) <= self.maxstring else f"{value[: self.maxstring]}..."
        return json.dumps(text, ensure_ascii=False)

    def repr_bool(self, value: bool, level: int) -> str:
        return json.dumps(value)

    def repr_NoneType(self, value: None, level: int) -> str:
        return json.dumps(value)


_short = _Json()
_short.maxstring = _short.maxother = 60


def shown(value: object) -> str:
    """Writes a value, however long or deep, in a few words, as it stands in a file of prompts."""
    return " ".join(_short.repr(value).split())


def is_number(value: object) -> TypeGuard[float]:
    """Tells whether this is a finite number of a sensible size; true and false are none."""
    is_real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return is_real and bool(-HUGE <= value <= HUGE)  # type: ignore[operator]


def is_whole(value: object) -> TypeGuard[int]:
    """Tells whether this is a whole number that is not negative, written as one."""
    return isinstance(value, (int, np.integer)) and is_number(value) and value >= 0


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Tells whether this is a list of whatever, or a tuple."""
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def are_numbers(value: object, count: int) -> TypeGuard[Sequence[float]]:
    """Tells whether this is a list of so many numbers."""
    return is_list(value) and len(value) == count and all(map(is_number, value))


def read_point(value: object, called: str, size: SizeHW) -> Point:
    """Reads a point (x, y) in pixels of a frame of ``size`` (H, W).

    Args:
        value: as the user wrote it.
        called: what it is called there.
        size: of the frame.

    Raises:
        VosError: not two numbers, or not inside the frame.
    """
    height, width = size
    if not are_numbers(value, 2) or not (0 <= value[0] < width and 0 <= value[1] < height):
        raise VosError(f"{called}={shown(value)} is not [x, y] inside the frame, {width} x {height} pixels")
    return float(value[0]), float(value[1])


def read_box(value: object, called: str, size: SizeHW) -> npt.NDArray[np.float32]:
    """Reads a box (x, y, width, height) in pixels of a frame of ``size`` (H, W); returns (x0, y0, x1, y1), float32.

    Args:
        value: as the user wrote it.
        called: what it is called there.
        size: of the frame.

    Raises:
        VosError: not four numbers, empty, or not inside the frame.
    """
    height, width = size
    if are_numbers(value, 4):
        x, y, across, down = map(float, value)
        right, bottom, frame = x + across, y + down, f"the frame of {width} x {height} pixels"
        if across > 0 and down > 0 and x >= 0 and y >= 0 and right <= width and bottom <= height:
            return np.array([x, y, right, bottom], np.float32)
        if across <= 0 or down <= 0:
            raise VosError(f"{called}={shown(value)} holds no pixel; its last two numbers are width and height")
        if x < width and y < height:
            raise VosError(
                f"{called}={shown(value)} reaches over the edge of {frame}: from ({x:g}, {y:g}) to ({right:g}, "
                f"{bottom:g}); the last two numbers are width and height"
            )
    raise VosError(
        f"{called}={shown(value)} is not [x, y, width, height] inside the frame of {width} x {height} pixels"
    )
