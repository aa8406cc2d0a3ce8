"""Outlines that follow the picture: the guided filter (K. He, J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013).

In every window, the filtered mask is a linear function of the frame's colours, as close to the given mask as it can be.
Where the frame has an edge within about a third of the radius, the outline moves onto it; where the frame is flat, the
mask is merely smoothed. The linear functions vary slowly, so they are found in a smaller picture (K. He, J. Sun, "Fast
Guided Filter", 2015).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from vos.geometry import Geometry
from vos.tracking.config import EdgesConfig

Image = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]
Rectangle = tuple[slice, slice]

TILE = 256  # pixels; at least what is filtered at once, so that memory grows little with the frame ...
TILE_RADII = 8  # ... and at least this many radii, so that little is filtered twice
LEAST_RADIUS = 4  # of the windows in the smaller picture, pixels
REACH_RADII = 3  # around an object: the band of its outline, and windows of windows
LEAST_SHARE = 1e-3  # of an object in a pixel of the band; its soft alpha rounds to 0


def guided_filter(guide: Image, values: Values, radius: int, epsilon: float) -> Values:
    """Filters a soft mask so that its edges are those of the guide.

    At the border, picture and mask go on as their mirror images.

    Args:
        guide: uint8 (H, W), grey, or (H, W, 3), colour; not changed.
        values: float32 (H, W), in [0, 1]; not changed.
        radius: of the square windows, pixels: their side is 2 * radius + 1.
        epsilon: variance of the guide (its range taken as 1) below which a window counts as flat.

    Returns:
        float32 (H, W), in [0, 1].

    Raises:
        ValueError: the radius is below 1, or epsilon below what float32 can tell from 0 here, 1e-5.
    """
    if radius < 1 or not epsilon >= 1e-5:
        raise ValueError(f"radius must be at least 1, epsilon 1e-5; got {radius} and {epsilon}")
    height, width = values.shape
    step = max(1, radius // LEAST_RADIUS)
    small = max(1, width // step), max(1, height // step)
    channels = _channels(guide)
    coefficients = _linear_functions(
        [_resized(channel, small, cv2.INTER_AREA) for channel in channels],
        _resized(values, small, cv2.INTER_AREA),
        round(radius / step),
        epsilon,
    )
    *slopes, filtered = (_resized(values, (width, height), cv2.INTER_LINEAR) for values in coefficients)
    for slope, channel in zip(slopes, channels):
        filtered += slope * channel
    return np.clip(filtered, 0, 1, out=filtered)


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


def _linear_functions(channels: list[Values], values: Values, radius: int, epsilon: float) -> list[Values]:
    """One slope per channel, and the offset: the mean, at every place, of those of all windows that hold it."""
    means = [_box(channel, radius) for channel in channels]
    offset = _box(values, radius)
    shared = [_box(c * values, radius) - m * offset for c, m in zip(channels, means)]  # covariance with the mask
    slopes = _solve(_covariance(channels, means, radius, epsilon), shared)
    for slope, mean in zip(slopes, means):
        offset -= slope * mean
    return [_box(values, radius) for values in (*slopes, offset)]


def _covariance(channels: list[Values], means: list[Values], radius: int, epsilon: float) -> list[list[Values]]:
    """The guide's covariance in every window, with epsilon on the diagonal; rows hold what is not below it."""
    count = len(channels)
    return [
        [
            _box(channels[i] * channels[j], radius) - means[i] * means[j] + np.float32(epsilon if i == j else 0)
            for j in range(i, count)
        ]
        for i in range(count)
    ]


def _solve(matrix: list[list[Values]], right: list[Values]) -> list[Values]:
    """Solves the symmetric system of every window by elimination, in place; cofactors would lose float32's digits."""
    count = len(right)
    for i in range(count):
        for j in range(i + 1, count):
            factor = matrix[i][j - i] / matrix[i][0]
            for k in range(j, count):
                matrix[j][k - j] -= factor * matrix[i][k - i]
            right[j] -= factor * right[i]
    for i in reversed(range(count)):
        for j in range(i + 1, count):
            right[i] -= matrix[i][j - i] * right[j]
        right[i] /= matrix[i][0]
    return right


def _channels(picture: Image) -> list[Values]:
    """The picture's channels, in [0, 1]."""
    planes = [picture] if picture.ndim == 2 else cv2.split(picture)
    return [np.multiply(plane, np.float32(1 / 255), dtype=np.float32) for plane in planes]


def _resized(values: Values, size: tuple[int, int], interpolation: int) -> Values:
    """A copy of (width, height) ``size``."""
    return np.asarray(cv2.resize(values, size, interpolation=interpolation), np.float32)


def _box(values: Values, radius: int) -> Values:
    """Means over square windows."""
    side = 2 * radius + 1
    return np.asarray(cv2.boxFilter(values, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)
