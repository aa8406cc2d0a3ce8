"""Soft masks of a frame's objects: found in a band along their common outline, then each one's part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from vos.matting.guided_filter import Image, Values, guided_filter
from vos.matting.laplacian import laplacian_matte

FAST, BEST = "fast", "best"
RADIUS = 1 / 64  # of the filter's windows and half the band's width, share of the frame's longer side
LEAST_RADIUS = 8  # ... and pixels
KERNEL = 1 / 4  # radius of the Laplacian's windows, share of the filter's
EPSILON = 1e-4  # variance of the frame (its range taken as 1) below which it counts as flat
GAINS = {FAST: 2.0, BEST: 1.2}  # how much steeper soft edges are than those found
MORE, LESS = 128 / 255, 127 / 255  # what a pixel of the mask has at least, and any other at most
SLIVERS = {FAST: 0.17, BEST: 0.26}  # how thick parts may be where it contradicts the mask, share of its radius
SMOOTH = 1.0  # pixels: sigma of the outline where the mask wins over the filter
SPECK = 0.06  # shares above this are looked at for what they hang together with
SEAM = 0.7  # pixels: sigma of the seam between two objects


def soft_masks(
    labels: npt.NDArray[np.uint8], object_ids: Sequence[int], rgb: Image, quality: str = FAST
) -> npt.NDArray[np.uint8]:
    """Makes every object's soft mask. It depends on nothing but the frame's own labels and colours.

    Args:
        labels: uint8 (H, W), 0 = background.
        object_ids: N ids.
        rgb: uint8 (H, W, 3), the frame.
        quality: ``FAST`` or ``BEST``.

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
    whole = matte(mask[area], rgb[area], radius, quality)
    if len(present) == 1:
        alpha[present[0]][area] = _rounded(whole)
        return alpha
    for k, part in zip(present, _parts(labels[area], [object_ids[k] for k in present])):
        alpha[k][area] = _rounded(whole * part)
    return alpha


def matte(mask: Image, rgb: Image, radius: int, quality: str) -> Values:
    """Makes the soft mask of a hard one: float32 (H, W), 0..1; cut at a half it is the hard one.

    The outline may be found far from where the mask has it. On films, masks were right oftener than filters: where the
    two differ by a sliver, shares stay near a half, and where they differ by more, the mask wins.

    Args:
        mask: uint8 (H, W), 1 = object.
        rgb: uint8 (H, W, 3).
        radius: of the filter's windows, and of the band along the outline that may become soft, pixels.
        quality: ``FAST``, the guided filter, or ``BEST``, what the matting Laplacian makes of that.
    """
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    band = cv2.dilate(mask, window) != cv2.erode(mask, window)
    share = _finished(guided_filter(rgb, mask.astype(np.float32), radius, EPSILON), mask, band, radius, FAST)
    if quality == BEST:
        found = laplacian_matte(share, rgb, band, max(1, round(radius * KERNEL)))
        share = _finished(found, mask, band, radius, BEST)
    return share


def _finished(found: Values, mask: Image, band: npt.NDArray[np.bool_], radius: int, quality: str) -> Values:
    """Steepens a soft mask, and keeps the hard one: outside the band, and on which side of a half a pixel is."""
    steep = np.clip((found - 0.5) * GAINS[quality] + 0.5, 0, 1)
    steep = _settled(steep, mask, band, max(2, round(radius * SLIVERS[quality])))
    limited = np.where(mask > 0, np.maximum(steep, MORE), np.minimum(steep, LESS))
    share = np.where(band, limited, mask).astype(np.float32)
    share[_loose(share, mask)] = 0
    share[_loose(1 - share, 1 - mask)] = 1
    return share


def _settled(share: Values, mask: Image, band: npt.NDArray[np.bool_], sliver: int) -> Values:
    """Gives way to the hard mask around all places, thicker than ``sliver``, where a soft one is on the other side."""
    thicker, window = np.ones((sliver + 1, sliver + 1), np.uint8), np.ones((4 * sliver + 1, 4 * sliver + 1), np.uint8)
    other = ((share >= 0.5) != (mask > 0)) & band
    smooth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), SMOOTH)
    for side, stronger in ((mask, np.maximum), (1 - mask, np.minimum)):
        places = cv2.morphologyEx(side * other, cv2.MORPH_OPEN, thicker)
        if places.any():
            around = cv2.dilate(places, window).astype(np.float32)
            weight = cv2.blur(around, (2 * sliver + 1, 2 * sliver + 1))
            share = np.asarray(share + weight * (stronger(share, smooth) - share), np.float32)
    return share


def _loose(share: Values, mask: Image) -> npt.NDArray[np.bool_]:
    """Finds the specks beside a mask that hang together with nothing of it."""
    count, labels = cv2.connectedComponents((share > SPECK).view(np.uint8), connectivity=4)
    loose = np.ones(count, np.bool_)
    loose[cv2.copyTo(labels, mask)] = False
    loose[0] = False
    found: npt.NDArray[np.bool_] = loose[labels]
    return found


def _parts(labels: npt.NDArray[np.uint8], object_ids: Sequence[int]) -> Iterator[Values]:
    """Each object's part, 0..1, of what all of them cover: all of it nearest to it, with a seam a pixel wide."""
    least, nearest = np.full(labels.shape, np.inf, np.float32), np.zeros(labels.shape, np.uint8)
    for object_id in object_ids:
        distance = cv2.distanceTransform((labels != object_id).view(np.uint8), cv2.DIST_L2, 5)
        nearest[distance < least] = object_id
        np.minimum(least, distance, out=least)
    for object_id in object_ids:
        yield np.asarray(cv2.GaussianBlur((nearest == object_id).astype(np.float32), (0, 0), SEAM), np.float32)


def _rounded(share: Values) -> npt.NDArray[np.uint8]:
    return np.asarray(share * 255 + 0.5, np.uint8)
