"""A picture whose objects are known by construction: coloured squares over noise, the first of which moves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HEIGHT, WIDTH, FRAMES, SIDE, STEP = 64, 96, 6, 22, 3  # pixels; pixels per frame
COLOURS = ((230, 60, 30), (40, 90, 230), (40, 200, 70), (240, 210, 50))
CORNERS = ((8, 8), (8, 66), (38, 36), (38, 70))  # top and left of each square in frame 0

Image = npt.NDArray[np.uint8]


def boxes(count: int = 1, index: int = 0) -> list[tuple[int, int, int, int]]:
    """Lists the squares of a frame as (top, left, bottom, right), pixels, the last two excluded."""
    if count == 1:
        return [(20, 10 + STEP * index, 20 + SIDE, 10 + STEP * index + SIDE)]
    return [(top, left, top + SIDE, left + SIDE) for top, left in CORNERS[:count]]


def picture(count: int = 1, index: int = 0) -> Image:
    """Draws a frame, uint8 (HEIGHT, WIDTH, 3) RGB."""
    image = np.random.default_rng(0).integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    for (top, left, bottom, right), colour in zip(boxes(count, index), COLOURS):
        image[top:bottom, left:right] = colour
        image[top + 4 : bottom - 4 : 4, left + 4 : right - 4] = 250
    return image


def labels(count: int = 1, index: int = 0) -> Image:
    """Draws the truth of a frame, uint8 (HEIGHT, WIDTH), ids 1, 2, ..."""
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, (top, left, bottom, right) in enumerate(boxes(count, index), start=1):
        truth[top:bottom, left:right] = number
    return truth


def overlap(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Intersection over union of two masks; 1 where both are empty."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0
