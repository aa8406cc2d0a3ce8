"""The object's own colours where a pixel shows it and its background at once.

Blur fusion (M. Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021): both colours begin as means of what
is near, counted by alpha, and then share what the mixture of the two does not explain; first in wide windows, then in
narrower ones. Squares of alpha leave less of the other colour in the means.
"""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]
Picture = TypeVar("Picture", npt.NDArray[np.uint8], npt.NDArray[np.uint16])

RADII = (1 / 36, 1 / 144, 1 / 288)  # of the windows in turn, share of the frame's longer side, ...
LEAST_RADII = (20, 6, 3)  # ... and pixels
REDUCED = 3  # all windows but the last are of a picture so many times smaller


def decontaminated(picture: Picture, alpha: npt.NDArray[np.uint8]) -> Picture:
    """Takes the background's colour out of the pixels that the object covers in part.

    Args:
        picture: (H, W, 3), uint8 or uint16; not changed.
        alpha: uint8 (H, W), the object's share of each pixel, 0..255.

    Returns:
        Like the picture; as it was where alpha is 255, and where nothing of the object is near.
    """
    result: Picture = picture.copy()
    x, y, width, height = cv2.boundingRect(((alpha > 0) & (alpha < 255)).view(np.uint8))
    if not width or not (alpha > 127).any():
        return result
    radii = [max(least, round(max(alpha.shape) * part)) for part, least in zip(RADII, LEAST_RADII)]
    area = tuple(slice(max(0, at - radii[0]), at + n + radii[0]) for at, n in ((y, height), (x, width)))
    most = np.iinfo(picture.dtype).max
    shown = np.multiply(picture[area], np.float32(1 / most), dtype=np.float32)
    share = np.multiply(alpha[area], np.float32(1 / 255), dtype=np.float32)
    size = share.shape[::-1]
    small = max(1, size[0] // REDUCED), max(1, size[1] // REDUCED)
    small_shown, small_share = (_resized(one, small, cv2.INTER_AREA) for one in (shown, share))
    front = back = small_shown
    for radius in radii[:-1]:
        front, back = _fused(small_shown, front, back, small_share, round(radius / REDUCED))
    front, back = (_resized(one, size, cv2.INTER_LINEAR) for one in (front, back))
    front, _ = _fused(shown, front, back, share, radii[-1])
    near = cv2.dilate(alpha[area], np.ones((2 * radii[-1] + 1,) * 2, np.uint8)) > 0
    changed = (near & (alpha[area] < 255))[..., None]
    result[area] = np.where(changed, front * most + 0.5, result[area])
    return result


def _fused(shown: Values, front: Values, back: Values, share: Values, radius: int) -> tuple[Values, Values]:
    """One round: means of both colours in windows, then the rest of the mixture to each by its share."""
    front, back = _mean(front, share**2, radius), _mean(back, (1 - share) ** 2, radius)
    share = share[..., None]
    rest = shown - back - share * (front - back)
    return np.clip(front + share * rest, 0, 1), np.clip(back + (1 - share) * rest, 0, 1)


def _mean(colours: Values, weights: Values, radius: int) -> Values:
    """Means of the colours in square windows, counted by weights; where there are none, the colours themselves."""
    weights = weights + np.float32(1e-4)
    side = (2 * radius + 1, 2 * radius + 1)
    summed = cv2.blur(colours * weights[..., None], side, borderType=cv2.BORDER_REFLECT)
    return np.asarray(summed / cv2.blur(weights, side, borderType=cv2.BORDER_REFLECT)[..., None], np.float32)


def _resized(values: Values, size: tuple[int, int], interpolation: int) -> Values:
    return np.asarray(cv2.resize(values, size, interpolation=interpolation), np.float32)
