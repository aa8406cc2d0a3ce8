"""Synthetic views of a reference frame: its objects moved, scaled, bent and lit anew before their own background.

After Lucid Data Dreaming (Khoreva et al., IJCV 2019): one frame with a mask holds enough to learn this object's
outline, its thin parts and what its background looks like.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vos.adaptation.warp import Matrix, bend, bend_labels, bending, centred, similarity_matrix, warp

BEND = 0.015  # deviation of the deformation, share of the longer side
BENT_SHARE, FLIP_SHARE, GONE_SHARE = 0.6, 0.3, 0.1  # of the views (gone: of the objects)
LOG_ZOOM = (math.log(0.5), math.log(2.2))  # objects come near and go away
FILL_SIDE = 256  # pixels: the background behind the objects is guessed on a picture of this longer side


@dataclass(frozen=True, slots=True)
class View:
    """One view: rgb uint8 (H, W, 3) and labels uint8 (H, W), the objects' ids on a background of 0."""

    rgb: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


def synthetic_views(reference: View, object_ids: Sequence[int], count: int, seed: int = 0) -> Iterator[View]:
    """Makes synthetic views of a reference frame, one at a time.

    Args:
        reference: the frame and its mask.
        object_ids: the objects that are shown in it.
        count: how many views.
        seed: of the random numbers.

    Yields:
        ``count`` views of the reference's size. Now and then an object is not in them.
    """
    rng = random.Random(seed)
    background = _without_objects(reference)
    for _ in range(count):
        yield _view(reference, background, object_ids, rng)


def _without_objects(reference: View) -> npt.NDArray[np.uint8]:
    """The frame with what lies behind its objects guessed."""
    height, width = reference.labels.shape
    hole = cv2.dilate((reference.labels > 0).astype(np.uint8), np.ones((9, 9), np.uint8))
    scale = min(1.0, FILL_SIDE / max(height, width))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    seen = cv2.resize(reference.rgb, small, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(seen, cv2.resize(hole, small, interpolation=cv2.INTER_NEAREST), 5, cv2.INPAINT_TELEA)
    behind = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(hole[..., None] > 0, behind, reference.rgb).astype(np.uint8)


def _view(reference: View, background: npt.NDArray[np.uint8], object_ids: Sequence[int], rng: random.Random) -> View:
    size = reference.labels.shape
    height, width = size
    camera = _camera(height, width, rng)
    canvas = warp(background, camera, (height, width), cv2.BORDER_REFLECT_101).astype(np.float32)
    labels = np.zeros(size, np.uint8)
    order = list(object_ids)
    rng.shuffle(order)
    for object_id in order:
        place = camera @ _own_motion(reference.labels == object_id, rng)
        if rng.random() < GONE_SHARE:
            continue
        own = (reference.labels == object_id).astype(np.uint8) * 255
        alpha = warp(own, place, (height, width), cv2.BORDER_CONSTANT)
        colour = warp(reference.rgb, place, (height, width), cv2.BORDER_REPLICATE)
        weight = cv2.GaussianBlur(alpha, (3, 3), 0)[..., None] / np.float32(255)  # no tell-tale hard edge
        canvas += (colour - canvas) * weight
        labels[alpha > 127] = object_id
    rgb = canvas.astype(np.uint8)
    if rng.random() < BENT_SHARE:
        field = bending((height, width), BEND, rng.getrandbits(32))
        rgb, labels = bend(rgb, field), bend_labels(labels, field).astype(np.uint8)
    return View(ColourJitter(rng).apply(rgb, rng), labels)


def _camera(height: int, width: int, rng: random.Random) -> Matrix:
    """The whole picture a little moved, turned and zoomed; mirrored now and then."""
    zoom, flip = rng.uniform(0.8, 1.2), -1 if rng.random() < FLIP_SHARE else 1
    shift = (width * (0.5 + rng.uniform(-0.1, 0.1)), height * (0.5 + rng.uniform(-0.1, 0.1)))
    return similarity_matrix(zoom * flip, zoom, rng.uniform(-8, 8), shift) @ centred(width / 2, height / 2)


def _own_motion(mask: npt.NDArray[np.bool_], rng: random.Random) -> Matrix:
    """One object's motion about its centre, against the background."""
    rows, columns = np.nonzero(mask)
    x, y = float(columns.mean()), float(rows.mean())
    height, width = mask.shape
    zoom, stretch = math.exp(rng.uniform(*LOG_ZOOM)), rng.uniform(0.93, 1.07)
    shift = (x + rng.uniform(-0.12, 0.12) * width, y + rng.uniform(-0.12, 0.12) * height)
    return similarity_matrix(zoom, zoom * stretch, rng.uniform(-15, 15), shift) @ centred(x, y)


class ColourJitter:
    """Gain, offset, saturation, blur and noise of one shot, drawn at random; its frames differ by a flicker only."""

    def __init__(self, rng: random.Random) -> None:
        self.gain = np.array([rng.uniform(0.92, 1.08) for _ in range(3)], dtype=np.float32) * rng.uniform(0.7, 1.3)
        self.offset = rng.uniform(-25, 25)
        self.saturation = rng.uniform(0.6, 1.4)
        self.blur = rng.uniform(0.5, 1.8) if rng.random() < 0.25 else 0.0
        self.noise = rng.uniform(2, 8) if rng.random() < 0.25 else 0.0

    def apply(self, rgb: npt.NDArray[np.uint8], rng: random.Random) -> npt.NDArray[np.uint8]:
        """Jitters one frame, uint8 (H, W, 3)."""
        # Gain, then what each channel differs from their mean by: one matrix. An offset stays what it is.
        mixed = self.saturation * np.eye(3) + (1 - self.saturation) / 3
        offset = np.full((3, 1), self.offset + rng.uniform(-5, 5))
        x = cv2.transform(rgb.astype(np.float32), np.hstack([mixed * self.gain, offset])).astype(np.float32, copy=False)
        if self.blur:
            x = cv2.GaussianBlur(x, (0, 0), self.blur).astype(np.float32, copy=False)
        if self.noise:
            x += np.random.default_rng(rng.getrandbits(32)).standard_normal(x.shape, dtype=np.float32) * self.noise
        return np.clip(x, 0, 255).astype(np.uint8)
