"""Less flicker from frame to frame: masks are averaged over time, along the motion of the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vos.structures import Frame

Values = npt.NDArray[np.float32]  # (H, W)

SIDE = 480  # pixels, the longer side of the pictures in which motion is found
ALIKE = 10.0  # gray levels by which a pixel may differ from where it comes from, before it counts less
REACH_PER_SIDE = 1 / 120  # how far outlines may be drawn back, as a share of the shorter side: what is beyond is gone
CUT_SHARE = 0.5  # of pixels; with fewer that come from the frame before, there was a cut


class Smoother:
    """Averages masks with what came before, moved to where it is now: a causal filter, which needs no later frame.

    Where the picture does not come from the frame before (a cut, something uncovered), where an object has just come or
    has been away, its mask is taken as it is. So nothing trails.

    Args:
        seconds: time constant; what was seen so long ago counts 1/e.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        # Its patches pass nothing on to each other: the result does not depend on the number of threads.
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._flow.setUseSpatialPropagation(False)
        self._gray: npt.NDArray[np.uint8] | None = None
        self._time = 0.0
        self._before: dict[tuple[str, int], Values] = {}

    def __call__(
        self,
        frame: Frame,
        labels: npt.NDArray[np.uint8],
        ids: Sequence[int],
        alphas: Sequence[npt.NDArray[np.uint8]] | None,
    ) -> tuple[npt.NDArray[np.uint8], list[npt.NDArray[np.uint8]] | None]:
        """Smooths the next frame's masks.

        Args:
            frame: with its picture.
            labels: uint8 (H, W).
            ids: of the objects.
            alphas: their soft masks, uint8 (H, W) each, if there are any.

        Returns:
            Both, smoothed.
        """
        where, weight = self._motion(frame)
        kept: dict[tuple[str, int], Values] = {}
        side = 2 * max(2, round(min(frame.size) * REACH_PER_SIDE)) + 1
        near = np.ones((side, side), np.uint8)

        def smoothed(kind: str, object_id: int, now: npt.NDArray[np.uint8]) -> Values:
            values = now.astype(np.float32)
            if not now.any():
                return values  # absent: what was before is forgotten
            if where is not None and (before := self._before.get((kind, object_id))) is not None:
                moved = _from(before, where)
                least, most = cv2.erode(values, near), cv2.dilate(values, near)
                values += weight * (np.minimum(np.maximum(moved, least), most) - values)
            kept[kind, object_id] = values
            return values

        shares = [smoothed("mask", i, (labels == i).astype(np.uint8)) for i in ids]
        soft = None if alphas is None else [smoothed("alpha", i, alpha) for i, alpha in zip(ids, alphas)]
        self._before = kept
        if shares:
            best = np.argmax(shares, axis=0)
            is_there = np.max(shares, axis=0) >= 0.5
            labels = np.where(is_there, np.asarray(ids, np.uint8)[best], 0).astype(np.uint8)
        return labels, None if soft is None else [one.round().astype(np.uint8) for one in soft]

    def _motion(self, frame: Frame) -> tuple[Values | None, Values]:
        """Finds where each pixel was in the frame before, float32 (H, W, 2) as (x, y), and how much that one counts.

        Returns:
            None instead of places where there is nothing before.
        """
        height, width = frame.size
        scale = min(1.0, SIDE / max(height, width))
        size = max(16, round(width * scale)), max(16, round(height * scale))
        gray = np.asarray(cv2.cvtColor(cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY))
        before, self._gray = self._gray, gray.astype(np.uint8)
        seconds, self._time = frame.time - self._time, frame.time
        nothing = np.zeros((height, width), np.float32)
        if before is None or before.shape != gray.shape:
            return None, nothing
        flow = np.asarray(self._flow.calc(self._gray, before, np.zeros((*gray.shape, 2), np.float32)), np.float32)
        came = _from(before, _places(gray.shape) + flow)
        difference = cv2.blur(np.abs(self._gray - came), (3, 3))
        trust = np.exp(-((difference / ALIKE) ** 2))
        if (trust > 0.5).mean() < CUT_SHARE:
            return None, nothing
        weight = cv2.resize(trust, (width, height)) * math.exp(-seconds / self.seconds)
        large = cv2.resize(flow, (width, height)) * np.array([width / size[0], height / size[1]], np.float32)
        return np.asarray(_places(frame.size) + large, np.float32), np.asarray(weight, np.float32)


def _places(size: tuple[int, ...]) -> Values:
    """The place of every pixel, (H, W, 2) as (x, y)."""
    return np.asarray(np.indices(size, np.float32)[::-1].transpose(1, 2, 0), np.float32)


def _from(picture: npt.NDArray[np.uint8] | Values, where: Values) -> Values:
    """Takes every pixel from a place in a picture."""
    x, y = (np.ascontiguousarray(where[..., k], np.float32) for k in range(2))
    taken = cv2.remap(picture.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, np.float32)
