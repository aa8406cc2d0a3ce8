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

Picture = TypeVar("Picture", npt.NDArray[np.uint8], npt.NDArray[np.uint16])

RADII = (1 / 36, 1 / 144, 1 / 288)  # of the windows in turn, share of the frame's longer side, ...
LEAST_RADII = (20, 6, 3)  # ... and pixels


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
    shown = np.asarray(picture[area] / np.float32(most), np.float32)
    share = alpha[area].astype(np.float32)[..., None] / np.float32(255)
    front = back = shown
    for radius in radii:
        front, back = _fused(shown, front, back, share, radius)
    near = cv2.dilate(alpha[area], np.ones((2 * radii[-1] + 1,) * 2, np.uint8)) > 0
    changed = (near & (alpha[area] < 255))[..., None]
    result[area] = np.where(changed, (front * most + 0.5).astype(picture.dtype), result[area])
    return result


def _fused(
    shown: npt.NDArray[np.float32],
    front: npt.NDArray[np.float32],
    back: npt.NDArray[np.float32],
    share: npt.NDArray[np.float32],
    radius: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """One round: means of both colours in windows, then the rest of the mixture to each by its share."""
    front, back = _mean(front, share**2, radius), _mean(back, (1 - share) ** 2, radius)
    rest = shown - share * front - (1 - share) * back
    return np.clip(front + share * rest, 0, 1), np.clip(back + (1 - share) * rest, 0, 1)


def _mean(colours: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], radius: int) -> npt.NDArray[np.float32]:
    """Means of the colours in square windows, counted by weights; where there are none, the colours themselves."""
    weights = weights + np.float32(1e-4)
    side = (2 * radius + 1, 2 * radius + 1)
    summed = cv2.blur(np.dstack([colours * weights, weights]), side, borderType=cv2.BORDER_REFLECT)
    return np.asarray(summed[..., :3] / summed[..., 3:], np.float32)
