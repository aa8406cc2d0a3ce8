"""Noise, and textures of the ground and of what stands behind it, linear RGB float32."""

from __future__ import annotations

import cv2
import numpy as np

from raycaster.things import Array

DENSITY = 110  # texture pixels per metre of ground
LEFT, NEAR, FAR = -8.5, 1.5, 13.0  # extent of the ground, metres


def fractal_noise(rng: np.random.Generator, height: int, width: int, cells: int, octaves: int) -> Array:
    """Value noise (height, width) in about -1..1, from ``cells`` cells across, halving per octave."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        across = cells * 2**octave
        grid = rng.uniform(-1, 1, (max(2, across * height // width), across)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return total


def ground_texture(rng: np.random.Generator) -> Array:
    """Grass with a worn path and daisies, linear RGB (z, x, 3), nearest row last."""
    height, width = int((FAR - NEAR) * DENSITY), int(-2 * LEFT * DENSITY)
    blades = fractal_noise(rng, height, width, 90, 5)[..., None]
    patches = fractal_noise(rng, height, width, 6, 4)[..., None]
    grass = np.array([0.16, 0.25, 0.06]) * (1 + 0.45 * blades + 0.3 * patches) + patches * [0.03, 0.015, 0.0]
    soil = np.array([0.34, 0.25, 0.16]) * (1 + 0.3 * blades)
    z = np.linspace(FAR, NEAR, height, dtype=np.float32)[:, None, None]
    worn = np.clip((0.55 - np.abs(z - 4.6 - 0.35 * patches)) * 4, 0, 0.85)
    texture = np.clip(grass * (1 - worn) + soil * worn, 0.01, 1).astype(np.float32)
    for x, y in rng.integers(0, (width, height), (260, 2)):
        cv2.circle(texture, (int(x), int(y)), int(rng.integers(2, 5)), (0.85, 0.83, 0.75), -1, cv2.LINE_AA)
    return np.asarray(texture, np.float32)


def backdrop_texture(rng: np.random.Generator) -> Array:
    """Hedges under a sky, linear RGB (y, x, 3), top row first; 8 m high, at z = FAR."""
    height, width = 720, 2160
    y = np.linspace(8, 0, height, dtype=np.float32)[:, None]
    clouds = np.clip(fractal_noise(rng, height, width, 7, 5) - 0.1, 0, 1)[..., None]
    sky = np.array([0.25, 0.45, 0.8]) + 0.04 * (8 - y[..., None]) * np.array([1, 0.8, 0.3])
    picture = sky * (1 - clouds) + clouds * 0.9
    leaves = fractal_noise(rng, height, width, 70, 5)
    for top, rgb in ((2.3, (0.10, 0.17, 0.10)), (1.5, (0.07, 0.14, 0.03))):
        edge = top + 0.5 * fractal_noise(rng, height, width, 9, 6)[:1] + 0.08 * leaves
        hedge = np.array(rgb) * (1 + 0.55 * leaves[..., None]) * (0.55 + 0.25 * y[..., None])
        picture = np.where((y < edge)[..., None], hedge, picture)
    return np.asarray(np.clip(picture, 0.01, 1), np.float32)
