"""Shadows that objects cast on the ground before or behind them."""

from __future__ import annotations

import random

import cv2
import numpy as np
import numpy.typing as npt

from vos.adaptation.warp import warp

LENGTH = (0.05, 0.35)  # of a shadow on the ground as it is seen, shares of the object's height
LEAN = 1.2  # most that it lies to the side, in the same unit
BLUR = (0.01, 0.05)  # deviation of its outline, same unit
SMALLEST = 4  # pixels: what is lower casts none


class Shadow:
    """The shadow of one object in one shot, drawn at random: where the light comes from and how hard it is."""

    def __init__(self, rng: random.Random) -> None:
        self.length = rng.uniform(*LENGTH) * rng.choice((-1, 1))  # away from the camera, or towards it
        self.lean = rng.uniform(-LEAN, LEAN)
        self.blur = rng.uniform(*BLUR)
        self.darkness = rng.uniform(0.25, 0.8)

    def cast(self, rgb: npt.NDArray[np.floating], alpha: npt.NDArray[np.uint8]) -> None:
        """Darkens the ground before the object is drawn on it.

        Args:
            rgb: floating (H, W, 3), changed in place.
            alpha: uint8 (H, W), where the object will be.
        """
        rows = np.flatnonzero(alpha.max(axis=1) > 127)
        if len(rows) < SMALLEST:
            return
        height, foot = int(rows[-1] - rows[0]) + 1, float(rows[-1])
        # What is h above the foot is seen at length * h above it, lean * h beside it.
        onto_ground = np.array(
            [[1, -self.lean, self.lean * foot], [0, self.length, foot * (1 - self.length)], [0, 0, 1]]
        )
        flat = warp(alpha, onto_ground, (alpha.shape[0], alpha.shape[1]), cv2.BORDER_CONSTANT)
        soft = cv2.GaussianBlur(flat, (0, 0), max(0.5, self.blur * height))
        rgb *= 1 - soft[..., None] * np.float32(self.darkness / 255)
