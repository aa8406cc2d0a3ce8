"""Made-up objects with exact outlines and thin parts: blobs, limbs, rings and lines with the texture of photos.

Annotated photos know neither bicycle wheels nor strings, and their outlines are a few pixels off. These objects have
no meaning, but their masks are right to the pixel.
"""

from __future__ import annotations

import random

import cv2
import numpy as np
import numpy.typing as npt

from training.photos import PhotoPool, Sprite

SIDE = 320  # of the canvas, pixels
SHIFT = 4  # OpenCV draws with this many binary digits of subpixel accuracy

Points = npt.NDArray[np.float64]  # (P, 2) as (x, y)


def made_up_sprite(pool: PhotoPool, rng: random.Random) -> Sprite:
    """An object of one to six parts, each with a texture of its own."""
    rgb = np.zeros((SIDE, SIDE, 3), np.uint8)
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    textures = [_texture(pool, rng) for _ in range(rng.randint(1, 3))]
    middle = np.array([SIDE / 2, SIDE / 2]) + np.array([rng.uniform(-30, 30), rng.uniform(-30, 30)])
    _paint(rgb, alpha, _blob(middle, rng.uniform(30, 90), rng), rng.choice(textures))
    for _ in range(rng.randint(0, 5)):
        start = middle + np.array([rng.gauss(0, 35), rng.gauss(0, 35)])
        kind = rng.choice(["blob", "limb", "limb", "ring", "line"])
        texture = rng.choice(textures)
        if kind == "blob":
            _paint(rgb, alpha, _blob(start, rng.uniform(15, 50), rng), texture)
        else:
            _paint_stroke(rgb, alpha, *_stroke(kind, start, rng), texture)
    return _cropped(rgb, alpha)


def with_thin_parts(sprite: Sprite, pool: PhotoPool, rng: random.Random) -> Sprite:
    """A cut-out object that holds strings, poles or wheels."""
    height, width = sprite.alpha.shape
    scale = SIDE / 2 / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    offset = np.array([(SIDE - size[0]) // 2, (SIDE - size[1]) // 2])
    window = np.s_[offset[1] : offset[1] + size[1], offset[0] : offset[0] + size[0]]
    rgb = np.zeros((SIDE, SIDE, 3), np.uint8)
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    texture = _texture(pool, rng)
    for _ in range(rng.randint(1, 3)):
        start = offset + np.array([rng.uniform(0, size[0]), rng.uniform(0, size[1])])
        _paint_stroke(rgb, alpha, *_stroke(rng.choice(["limb", "ring", "line", "line"]), start, rng), texture)
    own = cv2.resize(sprite.alpha, size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(sprite.rgb, size, interpolation=cv2.INTER_AREA)
    weight = own[..., None].astype(np.float32) / 255
    rgb[window] = (rgb[window] * (1 - weight) + colour * weight).astype(np.uint8)
    alpha[window] = np.maximum(alpha[window], own)
    return _cropped(rgb, alpha)


def _texture(pool: PhotoPool, rng: random.Random) -> npt.NDArray[np.uint8]:
    """A piece of a photo, recoloured, at a random scale: (SIDE, SIDE, 3); now and then almost one colour."""
    rgb = pool.sample(rng).rgb
    height, width = rgb.shape[:2]
    side = rng.randint(24, min(height, width))
    y, x = rng.randint(0, height - side), rng.randint(0, width - side)
    piece = cv2.resize(rgb[y : y + side, x : x + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if rng.random() < 0.35:
        piece = piece.mean(axis=(0, 1)) + 0.25 * (piece - piece.mean(axis=(0, 1)))
    gain = np.array([rng.uniform(0.6, 1.4) for _ in range(3)])
    return np.asarray(np.clip(piece * gain + rng.uniform(-40, 40), 0, 255)).astype(np.uint8)


def _blob(centre: Points, radius: float, rng: random.Random) -> Points:
    """A closed outline, smooth or with corners."""
    corners = rng.choice([0, 0, 3, 4, 5, 7])
    angles = np.linspace(0, 2 * np.pi, corners or 72, endpoint=False) + rng.uniform(0, 2 * np.pi)
    reach = np.ones_like(angles)
    if corners:
        reach = np.array([rng.uniform(0.6, 1.2) for _ in angles])
    else:
        for wave in range(2, 7):
            reach += rng.uniform(0, 0.5 / wave) * np.sin(wave * angles + rng.uniform(0, 2 * np.pi))
    stretch = np.array([rng.uniform(0.5, 1.3), rng.uniform(0.5, 1.3)])
    return np.asarray(centre + radius * reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1) * stretch)


def _stroke(kind: str, start: Points, rng: random.Random) -> tuple[Points, bool, int]:
    """A stroke of a kind from a point: its points, whether it is closed, its thickness in pixels."""
    if kind == "ring":
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        radii = rng.uniform(14, 55) * np.array([rng.uniform(0.6, 1), rng.uniform(0.8, 1)])
        return start + np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii, True, rng.randint(2, 9)
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(50, 150)
    bend = 0.0 if kind == "line" else rng.uniform(-1.2, 1.2)
    turns = angle + bend * np.linspace(0, 1, 12)
    steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * length / 12
    thickness = rng.randint(2, 5) if kind == "line" else rng.randint(6, 22)
    return np.concatenate([start[None], start + np.cumsum(steps, axis=0)]), False, thickness


def _paint(
    rgb: npt.NDArray[np.uint8], alpha: npt.NDArray[np.uint8], outline: Points, texture: npt.NDArray[np.uint8]
) -> None:
    part = np.zeros_like(alpha)
    fixed = np.rint(outline * 2**SHIFT).astype(np.int32)
    cv2.fillPoly(part, [fixed], (255,), lineType=cv2.LINE_AA, shift=SHIFT)
    _lay(rgb, alpha, part, texture)


def _paint_stroke(
    rgb: npt.NDArray[np.uint8],
    alpha: npt.NDArray[np.uint8],
    points: Points,
    closed: bool,
    thickness: int,
    texture: npt.NDArray[np.uint8],
) -> None:
    part = np.zeros_like(alpha)
    fixed = np.rint(points * 2**SHIFT).astype(np.int32)
    cv2.polylines(part, [fixed], closed, (255,), thickness, lineType=cv2.LINE_AA, shift=SHIFT)
    _lay(rgb, alpha, part, texture)


def _lay(
    rgb: npt.NDArray[np.uint8],
    alpha: npt.NDArray[np.uint8],
    part: npt.NDArray[np.uint8],
    texture: npt.NDArray[np.uint8],
) -> None:
    weight = part[..., None].astype(np.float32) / 255
    rgb[:] = (rgb * (1 - weight) + texture * weight).astype(np.uint8)
    np.maximum(alpha, part, out=alpha)


def _cropped(rgb: npt.NDArray[np.uint8], alpha: npt.NDArray[np.uint8]) -> Sprite:
    x, y, width, height = cv2.boundingRect((alpha > 127).astype(np.uint8))
    window = np.s_[y : y + height, x : x + width]
    return Sprite(rgb[window].copy(), alpha[window].copy())
