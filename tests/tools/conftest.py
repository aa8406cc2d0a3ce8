"""A small data set for training."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def segments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photos of coloured discs and squares, every region labelled."""
    root = tmp_path_factory.mktemp("segments")
    (root / "images").mkdir()
    (root / "labels").mkdir()
    noise = np.random.default_rng(0)
    rows = []
    for number in range(12):
        rgb = noise.integers(0, 60, (90, 120, 3), dtype=np.uint8)
        labels = np.zeros((90, 120), np.uint8)
        cv2.circle(labels, (35, 45), 22, 1, -1)
        cv2.rectangle(labels, (70, 20), (105, 70), 2, -1)
        rgb[labels == 1] = (220, 30, 30)
        rgb[labels == 2] = (30, 30, 220)
        name = f"coco_{number}"
        cv2.imwrite(str(root / "images" / f"{name}.webp"), rgb[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])
        cv2.imwrite(str(root / "labels" / f"{name}_0.png"), labels)
        rows.append({"id": name})
    with (root / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id"])
        writer.writeheader()
        writer.writerows(rows)
    return root
