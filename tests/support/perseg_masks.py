"""Synthetic masks in PerSeg's layout, the same on every machine: what the recorded figures were measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from vos.io.masks.colours import davis_palette

SIZES = {"bird": (60, 80), "can": (90, 64), "hat": (121, 77)}
PHOTOS = 4


def blob(size: tuple[int, int], seed: int) -> npt.NDArray[np.uint8]:
    """An ellipse with a bite out of it, at a seeded place, often cut off by the image's edge; uint8 (H, W), 0 or 1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    cy, cx = rng.uniform(0.2, 0.8, 2) * size
    ry, rx = rng.uniform(0.15, 0.4, 2) * size
    mask = ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1
    mask &= ((y - cy) / ry - 0.6) ** 2 + ((x - cx) / rx - 0.5) ** 2 > 0.2
    return mask.astype(np.uint8)


def write(root: Path) -> tuple[Path, Path]:
    """Writes annotations and results below ``root``; returns the data set's folder and the folder of results.

    One result is empty, one is the annotation itself, and references get a result that would spoil the figures.
    """
    data, results = root / "data", root / "outputs" / "ours"
    for k, (name, size) in enumerate(SIZES.items()):
        for folder in (data / "Images" / name, data / "Annotations" / name, results / name):
            folder.mkdir(parents=True)
        for index in range(PHOTOS):
            gt = blob(size, 100 * k + index)
            pred = np.roll(gt, (index + 2, -index - k), axis=(0, 1)) | (gt & blob(size, 1000 + 100 * k + index))
            if (k, index) in ((0, 2), (1, 3)):
                pred = gt if k else np.zeros_like(gt)
            Image.new("RGB", size[::-1]).save(data / "Images" / name / f"{index:02d}.jpg")
            for path, mask in ((data / "Annotations", gt), (results, pred)):
                image = Image.fromarray(mask if index else 1 - mask if path == results else mask)
                image.putpalette(davis_palette().tobytes())
                image.save(path / name / f"{index:02d}.png")
    return data, results
