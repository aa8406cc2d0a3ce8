"""The guided filter (K. He, J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013).

In every window, the filtered mask is a linear function of the frame's colours, as close to the given mask as it can be.
The linear functions vary slowly, so they are found in a smaller picture (K. He, J. Sun, "Fast Guided Filter", 2015).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]

LEAST_RADIUS = 4  # of the windows in the smaller picture, pixels


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
    channels = channels_of(guide)
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


def _linear_functions(channels: list[Values], values: Values, radius: int, epsilon: float) -> list[Values]:
    """One slope per channel, and the offset: the mean, at every place, of those of all windows that hold it."""
    means = [box_means(channel, radius) for channel in channels]
    offset = box_means(values, radius)
    shared = [box_means(c * values, radius) - m * offset for c, m in zip(channels, means)]  # covariance with the mask
    slopes = solved(covariance(channels, means, radius, epsilon), shared)
    for slope, mean in zip(slopes, means):
        offset -= slope * mean
    return [box_means(values, radius) for values in (*slopes, offset)]


def covariance(channels: list[Values], means: list[Values], radius: int, epsilon: float) -> list[list[Values]]:
    """The guide's covariance in every window, with epsilon on the diagonal; rows hold what is not below it."""
    count = len(channels)
    return [
        [
            box_means(channels[i] * channels[j], radius) - means[i] * means[j] + np.float32(epsilon if i == j else 0)
            for j in range(i, count)
        ]
        for i in range(count)
    ]


def solved(matrix: list[list[Values]], right: list[Values]) -> list[Values]:
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


def channels_of(picture: Image) -> list[Values]:
    """The picture's channels, in [0, 1]."""
    planes = [picture] if picture.ndim == 2 else cv2.split(picture)
    return [np.multiply(plane, np.float32(1 / 255), dtype=np.float32) for plane in planes]


def _resized(values: Values, size: tuple[int, int], interpolation: int) -> Values:
    """A copy of (width, height) ``size``."""
    return np.asarray(cv2.resize(values, size, interpolation=interpolation), np.float32)


def box_means(values: Values, radius: int) -> Values:
    """Means over square windows."""
    side = 2 * radius + 1
    return np.asarray(cv2.boxFilter(values, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)
