"""Where clips are set: textures of the ground and of what stands behind it, linear RGB float32 (y, x, 3)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from raycaster.textures import DENSITY, FAR, LEFT, NEAR, backdrop_texture, fractal_noise, ground_texture
from raycaster.things import Array

GROUND = int((FAR - NEAR) * DENSITY), int(-2 * LEFT * DENSITY)  # (H, W) of a ground texture
BACKDROP = 720, 2160  # (H, W) of 8 x 24 metres: 90 pixels per metre
Rng = np.random.Generator


def tinted(size: tuple[int, int], rgb: tuple[float, float, float], rng: Rng, cells: int, amount: float) -> Array:
    """A colour with noise on it, from coarse (``cells`` across) to fine."""
    height, width = size
    noise = fractal_noise(rng, height, width, cells, 4) * 0.6
    fine = rng.normal(0, 0.35, (height // 2, width // 2)).astype(np.float32)
    noise += cv2.resize(fine, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.maximum(np.array(rgb, np.float32) * (1 + amount * noise)[..., None], 0.01)


def bricks(size: tuple[int, int], brick: tuple[int, int], rgb: tuple[float, float, float], rng: Rng) -> Array:
    """Bricks, tiles or planks, each a little different, with joints; ``brick`` = (height, width) in pixels."""
    (height, width), (bh, bw) = size, brick
    rows, columns = np.arange(height) // bh, np.arange(width)
    shift = rng.integers(0, bw, rows[-1] + 1)
    number = (columns[None] + shift[rows][:, None]) // bw
    tones = rng.uniform(0.72, 1.25, (int(rows[-1]) + 1, int(number.max()) + 1)).astype(np.float32)
    tone = np.asarray(tones[rows[:, None], number])
    joint = (np.arange(height) % bh < max(2, bh // 14))[:, None] | ((columns[None] + shift[rows][:, None]) % bw < 3)
    picture = tinted(size, rgb, rng, 40, 0.22) * tone[..., None]
    return np.asarray(np.where(joint[..., None], picture * 0.45, picture))


def meadow(rng: Rng) -> tuple[Array, Array]:
    """Grass with a path, hedges, sky."""
    return ground_texture(rng), backdrop_texture(rng)


def street(rng: Rng) -> tuple[Array, Array]:
    """Asphalt with markings and a kerb; brick houses with windows."""
    ground = tinted(GROUND, (0.13, 0.13, 0.14), rng, 30, 0.35)
    for x in range(0, GROUND[1], 330):  # dashes
        ground[560:578, x : x + 170] = 0.62
    ground[:330] = bricks((330, GROUND[1]), (55, 80), (0.36, 0.34, 0.32), rng)
    ground[330:346] = 0.5
    wall = bricks(BACKDROP, (14, 34), (0.42, 0.18, 0.11), rng)
    for x in range(80, BACKDROP[1] - 150, 240):
        for y in (250, 480):
            cv2.rectangle(wall, (x - 9, y - 9), (x + 119, y + 169), (0.6, 0.58, 0.52), -1)
            wall[y : y + 160, x : x + 110] = np.linspace(0.32, 0.06, 160)[:, None, None] * [0.7, 0.9, 1.1]
            cv2.line(wall, (x + 55, y), (x + 55, y + 160), (0.6, 0.58, 0.52), 5)
            cv2.line(wall, (x, y + 70), (x + 110, y + 70), (0.6, 0.58, 0.52), 5)
    wall[650:] *= 0.55
    return ground, wall


def room(rng: Rng) -> tuple[Array, Array]:
    """Floorboards and a carpet; wallpaper, pictures, a window, a skirting board."""
    ground = bricks(GROUND, (22, 420), (0.42, 0.24, 0.12), rng)
    cv2.ellipse(ground, (GROUND[1] // 2, 900), (520, 240), 0, 0, 360, muted(rng, 0.14), -1, cv2.LINE_AA)
    cv2.ellipse(ground, (GROUND[1] // 2, 900), (470, 205), 0, 0, 360, muted(rng, 0.4), 22, cv2.LINE_AA)
    red, green, blue = muted(rng, 0.45)
    wall = tinted(BACKDROP, (red, green, blue), rng, 8, 0.05)
    wall *= (1 + 0.12 * (np.arange(BACKDROP[1]) // 36 % 2))[None, :, None]
    for x in range(60, BACKDROP[1] - 200, 230):
        h, w = int(rng.integers(70, 110)), int(rng.integers(80, 150))
        y = 640 - h - int(rng.integers(0, 50))
        cv2.rectangle(wall, (x - 10, y - 10), (x + w + 10, y + h + 10), rng.uniform(0.05, 0.3, 3).tolist(), -1)
        wall[y : y + h, x : x + w] = landscape((h, w), rng)
    wall[676:] = 0.7
    return ground, wall


def beach(rng: Rng) -> tuple[Array, Array]:
    """Sand with footprints, the sea, sky with clouds."""
    ground = tinted(GROUND, (0.56, 0.44, 0.29), rng, 25, 0.2)
    for x, y in rng.integers(0, (GROUND[1], GROUND[0]), (140, 2)):
        axes = int(rng.integers(8, 16)), int(rng.integers(5, 9))
        cv2.ellipse(
            ground, (int(x), int(y)), axes, float(rng.uniform(0, 180)), 0, 360, (0.4, 0.3, 0.19), -1, cv2.LINE_AA
        )
    edge = 120 + 40 * fractal_noise(rng, 2, GROUND[1], 7, 4)[0]
    row = np.arange(GROUND[0], dtype=np.float32)[:, None]
    water = tinted(GROUND, (0.07, 0.22, 0.30), rng, 60, 0.25)
    ground = np.where((row < edge)[..., None], water, ground)
    ground = np.where((np.abs(row - edge) < 12)[..., None], np.float32(0.75), ground)
    sky = landscape(BACKDROP, rng, hills=0.0)
    sky[585:] = tinted((135, BACKDROP[1]), (0.06, 0.18, 0.28), rng, 80, 0.3)
    return ground, sky


def snow(rng: Rng) -> tuple[Array, Array]:
    """Snow with tracks; fir trees before mountains."""
    ground = tinted(GROUND, (0.70, 0.74, 0.80), rng, 9, 0.10)
    for start in rng.integers(0, GROUND[0], 5):
        bend = start + 120 * fractal_noise(rng, 2, GROUND[1], 4, 2)[0]
        for offset in (0, 34):
            line = np.stack([np.arange(GROUND[1]), bend + offset], 1).astype(np.int32)
            cv2.polylines(ground, [line], False, (0.5, 0.55, 0.64), 9, cv2.LINE_AA)
    back = landscape(BACKDROP, rng, hills=0.55)
    for x in rng.integers(0, BACKDROP[1], 46):
        top, half, tone = int(rng.integers(380, 560)), int(rng.integers(30, 60)), float(rng.uniform(0.6, 1.3))
        for level in range(4):
            y = top + level * (715 - top) // 5
            reach = half * (level + 2) // 5
            tip, low = (int(x), y), y + (715 - top) // 3
            corners = np.array([tip, (int(x) - reach, low), (int(x) + reach, low)])
            cv2.fillPoly(back, [corners], (0.03 * tone, 0.09 * tone, 0.06 * tone), cv2.LINE_AA)
    return ground, back


def plaza(rng: Rng) -> tuple[Array, Array]:
    """Tiles; a light facade with arches."""
    ground = bricks(GROUND, (66, 66), (0.44, 0.38, 0.32), rng)
    wall = bricks(BACKDROP, (60, 130), (0.55, 0.48, 0.36), rng)
    for x in range(40, BACKDROP[1], 220):
        cv2.rectangle(wall, (x, 430), (x + 120, 719), (0.05, 0.045, 0.05), -1)
        cv2.ellipse(wall, (x + 60, 430), (60, 60), 0, 180, 360, (0.05, 0.045, 0.05), -1, cv2.LINE_AA)
        cv2.ellipse(wall, (x + 60, 430), (68, 68), 0, 180, 360, (0.66, 0.6, 0.5), 10, cv2.LINE_AA)
        cv2.rectangle(wall, (x + 150, 120), (x + 195, 719), (0.62, 0.55, 0.44), -1)
    return ground, wall


def muted(rng: Rng, level: float) -> list[float]:
    """A colour near a grey of that level, as paint and carpets have it."""
    return [float(value) for value in level * rng.uniform(0.65, 1.35, 3)]


def landscape(size: tuple[int, int], rng: Rng, hills: float = 0.35) -> Array:
    """Sky, clouds and hills; ``hills`` = how high they reach, share of the height."""
    height, width = size
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    clouds = np.clip(fractal_noise(rng, height, width, 5, 5) - 0.15, 0, 1)[..., None]
    picture = (np.array([0.22, 0.42, 0.78]) + y * [0.4, 0.3, 0.08]) * (1 - clouds) + 0.88 * clouds
    for layer, rgb in enumerate(((0.32, 0.37, 0.45), (0.14, 0.22, 0.12)) if hills else ()):
        edge = 1 - hills * (1 - 0.45 * layer) * (0.75 + 0.35 * fractal_noise(rng, 2, width, 4, 5)[:1])
        picture = np.where((y[..., 0] > edge)[..., None], rgb, picture)
    return np.asarray(np.clip(picture, 0.01, 1), np.float32)


PLACES: dict[str, Callable[[Rng], tuple[Array, Array]]] = {
    "street": street,
    "meadow": meadow,
    "room": room,
    "snow": snow,
    "plaza": plaza,
    "beach": beach,
}
