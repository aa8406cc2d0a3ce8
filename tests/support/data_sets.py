"""Small data sets for ``python -m vos.evaluate``, made in a moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

Labels = npt.NDArray[np.uint8]


def save(path: Path, pixels: Labels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))


def two_objects(index: int) -> Labels:
    """Labels of frame ``index``, (24, 32): object 1 moves down, object 2 to the left."""
    labels = np.zeros((24, 32), np.uint8)
    labels[4 + index : 12 + index, 5:15], labels[15:22, 20 - index : 30 - index] = 1, 2
    return labels


def make_davis(root: Path, names: Sequence[str] = ("bear", "goat"), frames: int = 4) -> Path:
    """Writes sequences with their list ``val`` of 2016 and 2017; returns ``root``."""
    for name in names:
        for index in range(frames):
            labels = two_objects(index)
            save(root / f"Annotations/480p/{name}/{index:05d}.png", labels)
            save(root / f"JPEGImages/480p/{name}/{index:05d}.jpg", np.stack([labels * 100] * 3, axis=2))
    for year in (2016, 2017):
        listed = root / f"ImageSets/{year}/val.txt"
        listed.parent.mkdir(parents=True)
        listed.write_text("".join(f"{name}\n" for name in names))
    return root


def make_youtube(
    root: Path,
    names: Sequence[str] = ("0a1", "0b2"),
    frames: int = 7,
    shown: Callable[[int], Sequence[int]] = lambda index: [1] if index < 2 else [1, 2],
) -> Path:
    """Writes videos in YouTube-VOS' layout, every second frame annotated, and meta.json; returns ``root``.

    Args:
        root: folder to be made.
        names: of the videos.
        frames: of each.
        shown: ids in the annotation of a frame; where there are none, there is no annotation.
    """
    for name in names:
        for index in range(frames):
            labels = two_objects(index)
            save(root / f"JPEGImages/{name}/{index:05d}.jpg", np.stack([labels * 100] * 3, axis=2))
            if index % 2 == 0 and (ids := shown(index)):
                save(root / f"Annotations/{name}/{index:05d}.png", np.where(np.isin(labels, ids), labels, 0))
    objects = {"1": {"category": "ape", "frames": ["00000"]}, "2": {"category": "dog", "frames": ["00002"]}}
    (root / "meta.json").write_text(json.dumps({"videos": {name: {"objects": objects} for name in names}}))
    return root


def make_perseg(root: Path) -> Path:
    """Writes two objects, coloured squares, in three photos each; returns ``root``."""
    for name, colour in (("ball", (20, 200, 40)), ("rex", (220, 30, 30))):
        for index in range(3):
            rgb, labels = np.full((96, 128, 3), 70, np.uint8), np.zeros((96, 128), np.uint8)
            place = (slice(16 * index + 16, 16 * index + 48), slice(24 * index + 16, 24 * index + 48))
            rgb[place], labels[place] = colour, 1
            save(root / f"Images/{name}/{index:02d}.jpg", rgb)
            save(root / f"Annotations/{name}/{index:02d}.png", labels)
    return root
