"""What clicks say about single pixels of a mask, whatever a model has made of them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

CLICK_RADIUS = 3  # original pixels around a click beside the object that are not on it
HOLE_SHARE = 0.002  # of the mask's area; smaller holes are filled, unless a click is in them

Mask = npt.NDArray[np.bool_]


def obey_clicks(mask: Mask, points: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> Mask:
    """Makes a mask agree with the clicks.

    Pieces that no click on the object touches go, where one is touched at all; small holes without a click are filled;
    and what is under a click beside the object is not on it. A click on the object that the model has missed adds
    nothing: a dot would only hide that it was missed.

    Args:
        mask: bool (H, W).
        points: float32 (P, 2) as (x, y) inside the picture, original pixels.
        labels: int64 (P,), 1 = on the object, 0 = not on it.

    Returns:
        bool (H, W), a new mask.
    """
    mask = mask.copy()
    where = [(int(x), int(y)) for x, y in points]
    _cut(mask, where, labels)
    pieces, _ = _pieces(mask)
    touched = {pieces[y, x] for (x, y), label in zip(where, labels) if label == 1} - {0}
    if touched:
        mask &= np.isin(pieces, list(touched))
    holes, count = _pieces(~mask)
    areas = np.bincount(holes.ravel(), minlength=count)
    border = np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])
    small = np.flatnonzero(areas <= HOLE_SHARE * mask.sum())
    clicked = [holes[y, x] for (x, y), label in zip(where, labels) if label == 0]
    filled = np.setdiff1d(small, [0, *border, *clicked])
    if len(filled):
        mask |= np.isin(holes, filled)
    return mask


def _cut(mask: Mask, where: list[tuple[int, int]], labels: npt.NDArray[np.int64]) -> None:
    """Takes the pixels around clicks beside the object from it; not those under its own clicks."""
    own = [(x, y, mask[y, x]) for (x, y), label in zip(where, labels) if label == 1]
    for (x, y), label in zip(where, labels):
        if label == 0 and mask[y, x]:
            cv2.circle(mask.view(np.uint8), (x, y), CLICK_RADIUS, 0, thickness=-1)
    for x, y, before in own:
        mask[y, x] = before


def _pieces(mask: Mask) -> tuple[npt.NDArray[np.int32], int]:
    """Numbers the connected pieces from 1: int32 (H, W), 0 = outside; and how many numbers there are."""
    count, pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return np.asarray(pieces, np.int32), count
