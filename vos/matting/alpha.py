"""Soft masks of a frame's objects: a guided filter in a band along their common outline, then each one's part."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vos.matting.guided_filter import Image, Values, guided_filter

FAST = "fast"
RADIUS = 1 / 53  # of the filter's windows and half the band's width, share of the frame's longer side
LEAST_RADIUS = 8  # ... and pixels
EPSILON = 1e-4  # variance of the frame (its range taken as 1) below which it counts as flat
GAIN = 1.5  # how much steeper soft edges are than the filter's
SEAM = 0.7  # pixels: sigma of the seam between two objects


def soft_masks(
    labels: npt.NDArray[np.uint8], object_ids: Sequence[int], rgb: Image, quality: str = FAST
) -> npt.NDArray[np.uint8]:
    """Makes every object's soft mask. It depends on nothing but the frame's own labels and colours.

    Args:
        labels: uint8 (H, W), 0 = background.
        object_ids: N ids.
        rgb: uint8 (H, W, 3), the frame.
        quality: ``FAST``.

    Returns:
        uint8 (N, H, W), 0..255. Where objects touch, they add up to what all of them cover together.
    """
    alpha = np.zeros((len(object_ids), *labels.shape), np.uint8)
    present = [k for k, object_id in enumerate(object_ids) if (labels == object_id).any()]
    if not present:
        return alpha
    mask = (labels > 0).view(np.uint8)
    radius = max(LEAST_RADIUS, round(max(labels.shape) * RADIUS))
    x, y, width, height = cv2.boundingRect(mask)
    room = 3 * radius  # the band, and windows of windows
    area = (slice(max(0, y - room), y + height + room), slice(max(0, x - room), x + width + room))
    whole = filtered_matte(mask[area], rgb[area], radius)
    if len(present) == 1:
        alpha[present[0]][area] = _rounded(whole)
        return alpha
    for k, part in zip(present, _parts(labels[area], [object_ids[k] for k in present])):
        alpha[k][area] = _rounded(whole * part)
    return alpha


def filtered_matte(mask: Image, rgb: Image, radius: int) -> Values:
    """Makes the soft mask of a hard one by the guided filter: float32 (H, W), 0..1.

    Args:
        mask: uint8 (H, W), 1 = object.
        rgb: uint8 (H, W, 3).
        radius: of the windows, and of the band along the outline that may become soft, pixels.
    """
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    band = cv2.dilate(mask, window) != cv2.erode(mask, window)
    sharp = mask.astype(np.float32)
    share = np.clip((guided_filter(rgb, sharp, radius, EPSILON) - 0.5) * GAIN + 0.5, 0, 1)
    return np.asarray(np.where(band, share, sharp), np.float32)


def _parts(labels: npt.NDArray[np.uint8], object_ids: Sequence[int]) -> list[Values]:
    """Each object's part, 0..1, of what all of them cover: all of it nearest to it, with a seam a pixel wide."""
    distances = [cv2.distanceTransform((labels != i).view(np.uint8), cv2.DIST_L2, 5) for i in object_ids]
    nearest = np.argmin(distances, axis=0)
    return [
        np.asarray(cv2.GaussianBlur((nearest == k).astype(np.float32), (0, 0), SEAM), np.float32)
        for k in range(len(object_ids))
    ]


def _rounded(share: Values) -> npt.NDArray[np.uint8]:
    return np.asarray(share * 255 + 0.5, np.uint8)
