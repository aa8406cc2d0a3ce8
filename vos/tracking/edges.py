"""Outlines that follow the picture, by the guided filter.

Where the frame has an edge within about a third of the filter's radius, the outline moves onto it; where the frame is
flat, the mask is merely smoothed.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from vos.geometry import Geometry
from vos.matting.guided_filter import Image, Values, guided_filter
from vos.tracking.config import EdgesConfig

Rectangle = tuple[slice, slice]

TILE = 256  # pixels; at least what is filtered at once, so that memory grows little with the frame ...
TILE_RADII = 8  # ... and at least this many radii, so that little is filtered twice
REACH_RADII = 3  # around an object: the band of its outline, and windows of windows
LEAST_SHARE = 1e-3  # of an object in a pixel of the band; its soft alpha rounds to 0


def filter_radius(geometry: Geometry, config: EdgesConfig) -> int:
    """Computes the radius of the filter's windows, original pixels."""
    return max(1, round(config.radius * geometry.logit_stride / min(geometry.scale_xy)))


def refine_edges(logits: Values, rgb: Image, geometry: Geometry, config: EdgesConfig) -> Values:
    """Moves an object's outline onto the frame's edges; only what lies around the outline is looked at, and changed.

    Args:
        logits: float32 (H, W), original pixels, the object where > 0; not changed.
        rgb: uint8 (H, W, 3), the frame, or the same part of it; not changed.
        geometry: of the low-res logits that these come from: it says how many pixels a cell of them has.
        config: the options.

    Returns:
        float32 (H, W), logits; farther from the outline than the filter's radius, and in parts and gaps narrower than
        its windows, those given.
    """
    radius = filter_radius(geometry, config)
    refined: Values = logits.copy()
    mask = (logits > 0).view(np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return refined
    around = _grown((slice(y, y + height), slice(x, x + width)), REACH_RADII * radius)
    mask, part = mask[around], refined[around]
    guide = rgb[around] if config.colour else np.asarray(cv2.cvtColor(rgb[around], cv2.COLOR_RGB2GRAY), np.uint8)
    sharp, band = mask.astype(np.float32), _band(mask, radius)
    for inner in _tiles(band, max(TILE, TILE_RADII * radius)):
        outer = _grown(inner, 2 * radius)
        filtered = guided_filter(guide[outer], sharp[outer], radius, config.epsilon)
        top, left = (i.start - o.start for i, o in zip(inner, outer))
        height, width = band[inner].shape
        shares = np.clip(filtered[top : top + height, left : left + width], LEAST_SHARE, 1 - LEAST_SHARE)
        np.copyto(part[inner], np.log(shares / (1 - shares)), where=band[inner] > 0)
    return refined


def _band(mask: Image, radius: int) -> Image:
    """1 within the radius of the outline, without parts and gaps narrower than a window.

    Of those, such as spokes, a window holds too little: the filter would lose more of them than it finds.
    """
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    eroded, dilated = cv2.erode(mask, window), cv2.dilate(mask, window)
    opened, closed = cv2.dilate(eroded, window), cv2.erode(dilated, window)
    return np.asarray((eroded != dilated) & (opened == mask) & (closed == mask)).view(np.uint8)


def _tiles(band: Image, side: int) -> Iterator[Rectangle]:
    """Rectangles, none larger than the side, that together cover the band."""
    for top in range(0, band.shape[0], side):
        for left in range(0, band.shape[1], side):
            x, y, width, height = cv2.boundingRect(band[top : top + side, left : left + side])
            if width:
                yield slice(top + y, top + y + height), slice(left + x, left + x + width)


def _grown(rectangle: Rectangle, margin: int) -> Rectangle:
    """The rectangle with a margin, which ends where the picture does."""
    rows, columns = (slice(max(0, side.start - margin), side.stop + margin) for side in rectangle)
    return rows, columns
