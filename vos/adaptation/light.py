"""How one shot differs from another: brightness, contrast, colour cast, blur and noise."""

from __future__ import annotations

import random

import cv2
import numpy as np
import numpy.typing as npt


class Light:
    """The look of one shot, drawn at random; all of its frames share it but for a flicker."""

    def __init__(self, rng: random.Random) -> None:
        self.gain = np.array([rng.uniform(0.92, 1.08) for _ in range(3)], dtype=np.float32) * rng.uniform(0.7, 1.3)
        self.offset = rng.uniform(-25, 25)
        self.saturation = rng.uniform(0.6, 1.4)
        self.blur = rng.uniform(0.5, 1.8) if rng.random() < 0.25 else 0.0
        self.noise = rng.uniform(2, 8) if rng.random() < 0.25 else 0.0

    def apply(self, rgb: npt.NDArray[np.uint8], rng: random.Random) -> npt.NDArray[np.uint8]:
        """One frame, uint8 (H, W, 3), as this shot shows it."""
        # Gain, then what each channel differs from their mean by: one matrix. An offset stays what it is.
        mixed = self.saturation * np.eye(3) + (1 - self.saturation) / 3
        offset = np.full((3, 1), self.offset + rng.uniform(-5, 5))
        x = cv2.transform(rgb.astype(np.float32), np.hstack([mixed * self.gain, offset])).astype(np.float32, copy=False)
        if self.blur:
            x = cv2.GaussianBlur(x, (0, 0), self.blur).astype(np.float32, copy=False)
        if self.noise:
            x += np.random.default_rng(rng.getrandbits(32)).standard_normal(x.shape, dtype=np.float32) * self.noise
        return np.clip(x, 0, 255).astype(np.uint8)
