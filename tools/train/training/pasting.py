"""Objects that are pasted into a view: drawn at random, placed, and put before what is there."""

from __future__ import annotations

import random

import cv2
import numpy as np
import numpy.typing as npt

from training.photos import PhotoPool, Sprite
from training.shadow import Shadow
from training.shapes import made_up_sprite, with_thin_parts
from vos.adaptation.warp import Matrix, bend, bending, centred, similarity_matrix, warp

SPRITE_BASE = 1000  # ids of pasted objects start here, above those of the photo's regions
RIM = 4  # pixels around an object that its soft outline reaches at most
MOST_BENT = 0.07  # deviation of the deformation of an object, share of its longer side


def random_sprite(pool: PhotoPool, rng: random.Random) -> Sprite | None:
    """An object of a photo, some with thin parts added, or a made-up one; None where the photo has none that fits."""
    if rng.random() < 0.35:
        return made_up_sprite(pool, rng)
    sprite = pool.sample_sprite(rng)
    if sprite is not None and rng.random() < 0.2:
        sprite = with_thin_parts(sprite, pool, rng)
    return sprite


def recoloured(sprite: Sprite, rng: random.Random) -> Sprite:
    """A look-alike: the same object, with each colour channel brighter or darker."""
    gains = np.array([rng.uniform(0.6, 1.4) for _ in range(3)], dtype=np.float32)
    return Sprite(np.clip(sprite.rgb * gains, 0, 255).astype(np.uint8), sprite.alpha)


def bent(sprite: Sprite, rng: random.Random) -> Sprite:
    """The same object in another shape: bent, and narrower or wider, as if it had turned."""
    height, width = sprite.alpha.shape
    margin = max(2, round(2 * MOST_BENT * max(height, width)))
    rim = (margin, margin, margin, margin)
    rgb = np.asarray(cv2.copyMakeBorder(sprite.rgb, *rim, cv2.BORDER_REPLICATE), dtype=np.uint8)
    alpha = np.asarray(cv2.copyMakeBorder(sprite.alpha, *rim, cv2.BORDER_CONSTANT), dtype=np.uint8)
    field = bending((alpha.shape[0], alpha.shape[1]), rng.uniform(0, MOST_BENT), rng.getrandbits(32))
    size = (max(2, round(alpha.shape[1] * rng.uniform(0.7, 1.3))), alpha.shape[0])
    rgb, alpha = (
        np.asarray(cv2.resize(bend(part, field), size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        for part in (rgb, alpha)
    )
    return Sprite(rgb, alpha)


def far_placement(size: int, sprite: Sprite, rng: random.Random) -> Matrix:
    """Where a pasted object stands in a view: from pixels counted from its middle to those of the view."""
    height, width = sprite.alpha.shape
    zoom = (rng.uniform(0.12, 0.75) if rng.random() < 0.85 else rng.uniform(0.75, 1.6)) * size / max(height, width)
    flip = -1 if rng.random() < 0.5 else 1
    shift = (rng.uniform(0.05, 0.95) * size, rng.uniform(0.05, 0.95) * size)
    stretch = rng.uniform(0.92, 1.08)
    return similarity_matrix(zoom * flip * stretch, zoom / stretch, rng.uniform(-15, 15), shift)


def paste(
    canvas: npt.NDArray[np.floating],
    ids: npt.NDArray[np.int16],
    sprite: Sprite,
    place: Matrix,
    label: int,
    shadow: Shadow | None,
    soft: bool,
) -> None:
    """Draws an object, and its shadow under it, into a view.

    Args:
        canvas: floating (H, W, 3) in [0, 255], changed in place.
        ids: int16 (H, W), changed in place.
        sprite: the object.
        place: see :func:`far_placement`.
        label: its id.
        shadow: what it casts, if anything.
        soft: with its outline blurred a little, so that no hard edge tells.
    """
    place = place @ centred(sprite.alpha.shape[1] / 2, sprite.alpha.shape[0] / 2)
    if shadow is None:  # nothing of it is to be seen elsewhere
        x0, y0, x1, y1 = _bounds(sprite, place, canvas.shape[1], canvas.shape[0])
        if x0 >= x1 or y0 >= y1:
            return
        canvas, ids, place = canvas[y0:y1, x0:x1], ids[y0:y1, x0:x1], centred(x0, y0) @ place
    shape = (canvas.shape[0], canvas.shape[1])
    alpha = warp(sprite.alpha, place, shape, cv2.BORDER_CONSTANT)
    colour = warp(sprite.rgb, place, shape, cv2.BORDER_REPLICATE)
    blended = cv2.GaussianBlur(alpha, (3, 3), 0) if soft else alpha
    if shadow is not None:
        shadow.cast(canvas, alpha)
    canvas += (colour - canvas) * (blended[..., None] / np.float32(255))
    ids[alpha > 127] = label


def _bounds(sprite: Sprite, place: Matrix, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of a view (x0, y0, x1, y1) in which an object can be seen."""
    h, w = sprite.alpha.shape
    x, y, _ = place @ np.array([[0, w, 0, w], [0, 0, h, h], [1, 1, 1, 1]])
    return (
        max(0, int(x.min()) - RIM),
        max(0, int(y.min()) - RIM),
        min(width, int(x.max()) + RIM),
        min(height, int(y.max()) + RIM),
    )
