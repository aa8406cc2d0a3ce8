"""Flat things that hide others: a wall, a van, a hoarding, a hedge, a fence. Linear RGB and alpha."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from raycaster.textures import fractal_noise
from raycaster.things import Array

from occlusion_clips.places import bricks, landscape, tinted

Rng = np.random.Generator
PER_METRE = 180  # texture pixels


@dataclass(frozen=True)
class Panel:
    """An upright picture on the ground, facing the camera: centre x and distance z, metres."""

    rgb: Array  # (h, w, 3)
    alpha: Array  # (h, w), 0..1
    x: float
    z: float
    width: float
    height: float


def make_panel(style: str, x: float, z: float, width: float, height: float, rng: Rng) -> Panel:
    """A panel of one of ``STYLES`` that is opaque over the middle 90 % of its width, up to 90 % of its height."""
    size = round(height * PER_METRE), round(width * PER_METRE)
    rgb, alpha = STYLES[style](size, rng)
    shade = np.linspace(1.08, 0.72, size[0], dtype=np.float32)[:, None, None]
    return Panel((rgb * shade).astype(np.float32), alpha.astype(np.float32), x, z, width, height)


def wall(size: tuple[int, int], rng: Rng) -> tuple[Array, Array]:
    rgb = bricks(size, (17, 40), (0.40, 0.20, 0.13), rng)
    rgb[: size[0] // 14] = tinted((size[0] // 14, size[1]), (0.5, 0.48, 0.44), rng, 20, 0.15)
    return rgb, np.ones(size, np.float32)


def fence(size: tuple[int, int], rng: Rng) -> tuple[Array, Array]:
    turned = bricks((size[1], size[0]), (22, 900), (0.36, 0.25, 0.15), rng)
    rgb = np.ascontiguousarray(turned.transpose(1, 0, 2))
    alpha = np.ones(size, np.float32)
    for x in range(0, size[1], 22):  # pointed planks
        tip = size[0] // 22
        alpha[:tip, x : x + 22] = (
            np.arange(tip)[:, None] > np.abs(np.arange(min(22, size[1] - x)) - 11)[None] * tip / 11
        )
    return rgb, alpha


def hoarding(size: tuple[int, int], rng: Rng) -> tuple[Array, Array]:
    rgb = np.full((*size, 3), 0.08, np.float32)
    edge = max(3, size[0] // 30)
    inner = size[0] - 2 * edge, size[1] - 2 * edge
    picture = landscape(inner, rng, hills=0.5)
    for _ in range(5):
        centre = int(rng.integers(0, inner[1])), int(rng.integers(inner[0] // 3, inner[0]))
        cv2.circle(
            picture, centre, int(rng.integers(8, inner[0] // 4)), rng.uniform(0.05, 0.85, 3).tolist(), -1, cv2.LINE_AA
        )
    for row in range(3):
        left = inner[1] // 10
        right = int(inner[1] * rng.uniform(0.5, 0.9))
        cv2.line(picture, (left, inner[0] // 8 * (row + 1)), (right, inner[0] // 8 * (row + 1)), (0.9, 0.9, 0.9), edge)
    rgb[edge:-edge, edge:-edge] = picture
    return rgb, np.ones(size, np.float32)


def hedge(size: tuple[int, int], rng: Rng) -> tuple[Array, Array]:
    height, width = size
    leaves = fractal_noise(rng, height, width, max(8, width // 9), 4)
    rgb = np.array([0.09, 0.19, 0.05], np.float32) * (1 + 0.75 * leaves)[..., None]
    x = np.linspace(-1, 1, width)[None]
    y = np.linspace(1, 0, height)[:, None]
    outline = np.maximum(np.abs(x), y) / 0.975
    alpha = (outline**16 + 0.5 * np.abs(leaves) * (outline > 0.935) < 1).astype(np.float32)
    return np.maximum(rgb, np.float32(0.01)), np.asarray(cv2.GaussianBlur(alpha, (0, 0), 0.8), np.float32)


def van(size: tuple[int, int], rng: Rng) -> tuple[Array, Array]:
    height, width = size
    colour = rng.uniform(0.1, 0.75, 3)
    rgb = np.empty((height, width, 3), np.float32)
    rgb[:] = np.linspace(1.1, 0.75, height)[:, None, None] * colour
    glass = (0.04, 0.06, 0.08)
    cv2.rectangle(rgb, (int(0.78 * width), height // 7), (int(0.95 * width), int(0.42 * height)), glass, -1)
    cv2.rectangle(rgb, (width // 12, height // 7), (int(0.68 * width), int(0.4 * height)), (colour * 0.8).tolist(), -1)
    stripe = rng.uniform(0.05, 0.9, 3).tolist()
    cv2.rectangle(rgb, (0, int(0.55 * height)), (width, int(0.62 * height)), stripe, -1)
    for x in (0.73, 0.97, 0.05):
        cv2.line(rgb, (int(x * width), height // 9), (int(x * width), int(0.9 * height)), (colour * 0.45).tolist(), 2)
    rgb[int(0.9 * height) :] = 0.03  # sills and the dark below
    for x in (0.18, 0.8):
        cv2.circle(rgb, (int(x * width), int(0.9 * height)), height // 9, (0.02, 0.02, 0.02), -1, cv2.LINE_AA)
        cv2.circle(rgb, (int(x * width), int(0.9 * height)), height // 19, (0.5, 0.5, 0.52), -1, cv2.LINE_AA)
    alpha = np.ones(size, np.float32)
    corner = height // 12
    ramp = np.arange(corner)
    alpha[:corner, :corner] = ramp[:, None] + ramp[None] > corner
    alpha[:corner, -corner:] = alpha[:corner, :corner][:, ::-1]
    return rgb, alpha


STYLES: dict[str, Callable[[tuple[int, int], Rng], tuple[Array, Array]]] = {
    "wall": wall,
    "hedge": hedge,
    "van": van,
    "fence": fence,
    "hoarding": hoarding,
}
