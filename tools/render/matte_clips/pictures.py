"""Backgrounds with the statistics of photographs: leaves of all sizes that hide each other, over slow changes of light.

Random shapes whose number falls with the cube of their size, each hiding what was there ("dead leaves"), have edges at
all scales, as photographs do. Some are places of the occlusion clips.
"""

from __future__ import annotations

import cv2
import numpy as np
from occlusion_clips.places import PLACES
from raycaster.textures import fractal_noise
from raycaster.things import Array

LEAST, MOST = (4.0, 30.0), 0.35  # radii of leaves: pixels, from ... to, and the share of the picture's longer side
COVER = 4.0  # how often the leaves together cover the picture
GAMMA = 1 / 2.2
PLACE = 0.35  # share of the pictures that are places of the occlusion clips


def photo_like(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """Makes a picture, float32 (H, W, 3) in display values 0..1."""
    height, width = size
    if rng.random() < PLACE:
        name = str(rng.choice(sorted(PLACES)))
        backdrop = PLACES[name](rng)[1] ** GAMMA
        picture = np.asarray(cv2.resize(backdrop, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    else:
        picture, palette = np.full((height, width, 3), rng.uniform(0.1, 0.9), np.float32), _palette(rng)
        for radius in _radii(rng, height * width, max(size)):
            _draw_leaf(picture, rng, float(radius), palette)
    light = 1 + 0.22 * fractal_noise(rng, height, width, 2, 3)[..., None]
    grain = rng.uniform(0, 0.05) * fractal_noise(rng, height, width, max(4, width // 6), 2)[..., None]
    softness = float(rng.choice([0.0, 0.6, 1.5, 3.0]))  # of the lens: how far the background is out of focus
    picture = picture * light + grain
    if softness:
        picture = cv2.GaussianBlur(picture, (0, 0), softness)
    return np.asarray(np.clip(picture, 0, 1), np.float32)


def _palette(rng: np.random.Generator) -> Array:
    """A few colours that go together, (K, 3): photographs have no even choice of them."""
    base = rng.uniform(0.08, 0.85, (int(rng.integers(2, 7)), 1)) + rng.normal(0, 0.07, (1, 3))
    return np.asarray(np.clip(base + rng.normal(0, rng.uniform(0.01, 0.1), (len(base), 3)), 0.02, 0.98), np.float32)


def _radii(rng: np.random.Generator, pixels: int, side: int) -> Array:
    """Radii of leaves by the law of cubes; the large ones lie below."""
    least, most = float(rng.uniform(*LEAST)), MOST * side
    shares = rng.uniform(0, 1, 4000)
    radii = 1 / np.sqrt(1 / least**2 - shares * (1 / least**2 - 1 / most**2))
    covered = np.cumsum(np.pi * radii**2)
    kept = radii[: int(np.searchsorted(covered, COVER * pixels)) + 1]
    large = np.sort(kept)[::-1]
    swaps = np.argsort(np.arange(len(large)) + rng.normal(0, 0.25 * len(large), len(large)))
    return np.asarray(large[swaps], np.float32)


def _draw_leaf(picture: Array, rng: np.random.Generator, radius: float, palette: Array) -> None:
    """Paints one ellipse or polygon, plain, striped or with its own change of light."""
    height, width = picture.shape[:2]
    x, y = rng.uniform(-radius, width + radius), rng.uniform(-radius, height + radius)
    x0, x1 = (int(np.clip(x + s * 1.5 * radius, 0, width)) for s in (-1, 1))
    y0, y1 = (int(np.clip(y + s * 1.5 * radius, 0, height)) for s in (-1, 1))
    if x0 >= x1 or y0 >= y1:
        return
    cover = np.zeros((y1 - y0, x1 - x0), np.float32)
    turn, flat = float(rng.uniform(0, np.pi)), float(rng.uniform(0.3, 1))
    angles = np.linspace(0, 2 * np.pi, 40 if rng.random() < 0.5 else int(rng.integers(3, 7)), endpoint=False)
    ring = np.stack([np.cos(angles), flat * np.sin(angles)], 1) * radius
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = ring @ rotation + [x - x0, y - y0]
    cv2.fillPoly(cover, [(corners * 16).round().astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    colour = palette[int(rng.integers(len(palette)))] + rng.normal(0, 0.03, 3)
    columns, rows = np.meshgrid(np.arange(x0, x1) - x, np.arange(y0, y1) - y)
    along = (columns * np.cos(turn) + rows * np.sin(turn)) / radius
    shade = 1 + rng.uniform(-0.3, 0.3) * along
    if rng.random() < 0.25:  # stripes
        shade = shade + rng.uniform(0.1, 0.4) * np.sin(along * rng.uniform(8, 30))
    part = picture[y0:y1, x0:x1]
    part += cover[..., None] * (colour * shade[..., None] - part)
