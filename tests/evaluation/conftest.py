"""A small data set with results, from integer arithmetic alone: the same bytes on every machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 240, 320


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Writes a palette PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels)
    image.putpalette([value for index in range(256) for value in (index, 255 - index, 7 * index % 256)])
    image.save(path)


def ellipse(center_x: int, center_y: int, radius_x: int, radius_y: int) -> np.ndarray:
    """Bool (HEIGHT, WIDTH); may reach over the border."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return ((x - center_x) * radius_y) ** 2 + ((y - center_y) * radius_x) ** 2 <= (radius_x * radius_y) ** 2


def synthetic_frames(count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Annotation and result, uint8 (HEIGHT, WIDTH), of three objects: borders, occlusion, noise, empty, full."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for t in range(count):
        gt, pred = np.zeros((2, HEIGHT, WIDTH), np.uint8)
        shapes = ((20 + 17 * t, 60, 40, 30), (160, 12 * t, 25, 55), (300 - 9 * t, 230, 70, 50))
        for index, (center_x, center_y, radius_x, radius_y) in enumerate(shapes):
            gt[ellipse(center_x, center_y, radius_x, radius_y)] = index + 1
            shift = (t * (index + 2)) % 13 - 4
            pred[ellipse(center_x + shift, center_y - t % 5, radius_x - t % 7, radius_y + 2 * index)] = index + 1
        pred[(7919 * x + 104729 * y + 1299721 * t) % 397 == 0] = t % 4
        if t == 3:
            gt[gt == 2] = 0
            pred[pred == 2] = 0
        if t == 5:
            pred[:] = 0
        if t == 6:
            pred[:] = 3
        if t == 7:
            gt[gt == 1] = 0
        gt[:4, :9] = 255  # void
        yield gt, pred


def degrade(labels: np.ndarray, frame: int) -> np.ndarray:
    """A wrong result made from an annotation, uint8 (H, W): shifted, shrunk or grown, now and then empty."""
    if frame % 17 == 9:
        return np.zeros_like(labels)
    shifted = np.roll(labels, (frame % 7 - 3, 2 * (frame % 5)), axis=(0, 1))
    window = np.ones((1 + frame % 9,) * 2, np.uint8)
    return (cv2.erode if frame % 2 else cv2.dilate)(shifted, window)


def write_synthetic(root: Path, lengths: tuple[int, ...] = (14, 3)) -> tuple[Path, Path]:
    """Writes the data set and the results under ``root``; returns their folders."""
    dataset, results = root / "DAVIS", root / "results"
    names = [f"shapes{length}" for length in lengths]
    for name, length in zip(names, lengths):
        for index, (gt, pred) in enumerate(synthetic_frames(length)):
            write_labels(dataset / "Annotations/480p" / name / f"{index:05d}.png", gt)
            write_labels(results / name / f"{index:05d}.png", pred)
            image = dataset / "JPEGImages/480p" / name / f"{index:05d}.jpg"
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.stack([gt * 60, 255 - gt * 60, gt], axis=2)).save(image)
    for year in ("2016", "2017"):
        listed = dataset / "ImageSets" / year / "val.txt"
        listed.parent.mkdir(parents=True)
        listed.write_text("\n".join(names) + "\n")
    return dataset, results


@pytest.fixture
def davis(tmp_path: Path) -> tuple[Path, Path]:
    """Folders of a data set in DAVIS layout and of results."""
    return write_synthetic(tmp_path)


@pytest.fixture(scope="session")
def save_labels() -> Callable[[Path, np.ndarray], None]:
    """:func:`write_labels`."""
    return write_labels


@pytest.fixture(scope="session")
def degraded() -> Callable[[np.ndarray, int], np.ndarray]:
    """:func:`degrade`."""
    return degrade


@pytest.fixture(scope="session")
def official() -> dict[str, dict[str, Any]]:
    """What the official scorer said, recorded by ``record_official.py``."""
    return json.loads(Path(__file__).with_name("official.json").read_text())
