"""A clip made from a seed, on which the published tracker was recorded; and how its masks are summarised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from seeded_weights import seeded_uniform

SEED = 11  # of the model's weights
SIZE = (90, 132)  # not square: the model input is padded
FRAMES = 4


def clip() -> tuple[list[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]:
    """Frames uint8 (H, W, 3) and the first frame's labels uint8 (H, W): three textured discs that drift."""
    height, width = SIZE
    y, x = np.mgrid[:height, :width]
    background = _texture("background", (height, width + 40), 10)
    frames = []
    for t in range(FRAMES):
        image = background[:, t * 3 : t * 3 + width].copy()
        labels = np.zeros(SIZE, dtype=np.uint8)
        for k, (cx, cy, radius, dx, dy) in enumerate([(35, 40, 19, 4, 1), (92, 30, 15, -3, 2), (75, 70, 9, 2, -3)]):
            inside = (x - cx - dx * t) ** 2 + (y - cy - dy * t) ** 2 <= radius**2
            image[inside] = _texture(f"object{k}", SIZE, 4 + 3 * k)[inside]
            labels[inside] = k + 1
        frames.append(image)
        if t == 0:
            first = labels
    return frames, first


def _texture(name: str, size: tuple[int, int], cells: int) -> npt.NDArray[np.uint8]:
    patches = ((seeded_uniform(name, (cells, cells, 3), SEED) + 1) * 127).astype(np.uint8)
    return np.array(Image.fromarray(patches).resize(size[::-1], Image.Resampling.BICUBIC))
