"""Ways from a hard mask and its frame to a soft mask."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import cv2
import numpy as np
import numpy.typing as npt

from vos.io.config import QUALITIES
from vos.matting.alpha import soft_masks
from vos.matting.guided_filter import guided_filter

Alpha = npt.NDArray[np.float32]  # (H, W), 0..1
Image = npt.NDArray[np.uint8]
Candidate = Callable[[Image, Image], Alpha]  # of the mask, uint8 (H, W), 1 = object, and of the frame

RADIUS, EPSILON = 8, 1e-4  # of the guided filter: pixels, variance
BAND = 12  # pixels on both sides of the outline in which pymatting looks


def hard(mask: Image, rgb: Image) -> Alpha:
    """The mask itself."""
    return mask.astype(np.float32)


def guided(mask: Image, rgb: Image) -> Alpha:
    """The guided filter, in a band as wide as its windows, without more."""
    near = unknown(mask, RADIUS)
    return np.where(near, guided_filter(rgb, mask.astype(np.float32), RADIUS, EPSILON), mask).astype(np.float32)


def ours(quality: str) -> Candidate:
    """What vos does."""
    return lambda mask, rgb: np.asarray(soft_masks(mask, (1,), rgb, quality)[0] / np.float32(255), np.float32)


def pymatting(method: str) -> Candidate:
    """Pymatting on the band, at full resolution: ``cf``, closed form (Levin et al.), or ``knn`` (Chen et al.)."""

    def matte(mask: Image, rgb: Image) -> Alpha:
        library = import_module("pymatting")

        x, y, width, height = cv2.boundingRect(mask)
        room = 2 * BAND
        area = (slice(max(0, y - room), y + height + room), slice(max(0, x - room), x + width + room))
        trimap = np.where(unknown(mask[area], BAND), 0.5, mask[area]).astype(np.float64)
        alpha = mask.astype(np.float32)
        if (trimap == 1).any() and (trimap == 0).any():
            estimate = getattr(library, f"estimate_alpha_{method}")
            alpha[area] = estimate(rgb[area] / 255.0, trimap)
        return alpha

    return matte


def unknown(mask: Image, reach: int) -> npt.NDArray[np.bool_]:
    """The band of ``reach`` pixels on both sides of the outline."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask, disk) != cv2.erode(mask, disk))


def candidates() -> dict[str, Candidate]:
    """All of them, by name; those of pymatting where it is installed."""
    known: dict[str, Candidate] = {"hard mask": hard, "guided filter": guided}
    if find_spec("pymatting") is not None:
        known |= {"closed form": pymatting("cf"), "KNN": pymatting("knn")}
    return known | {f"vos {quality}": ours(quality) for quality in QUALITIES}
