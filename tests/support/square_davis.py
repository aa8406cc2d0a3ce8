"""A data set in DAVIS layout that is made in a moment: a red square that moves over a gray ramp."""

from __future__ import annotations

from pathlib import Path

from fakes import square_clip, square_mask
from PIL import Image

from vos.io.masks.label_map import write_label_map


def write_davis(root: Path, names: tuple[str, ...] = ("bear",), frames: int = 8, year: int = 2016) -> Path:
    """Writes sequences of 48 x 64 pixels with their list ``dev``; returns ``root``."""
    for name in names:
        images, masks = (root / kind / "480p" / name for kind in ("JPEGImages", "Annotations"))
        images.mkdir(parents=True)
        masks.mkdir(parents=True)
        for index, rgb in enumerate(square_clip(frames)):
            Image.fromarray(rgb).save(images / f"{index:05d}.jpg", quality=95)
            write_label_map(masks / f"{index:05d}.png", square_mask(index))
    listed = root / "ImageSets" / str(year) / "dev.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("".join(f"{name}\n" for name in names))
    return root
