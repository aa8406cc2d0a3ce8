"""Region similarity J and boundary accuracy F, with the DAVIS 2017 definitions, on plain numpy masks.

F. Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016;
J. Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object Segmentation", arXiv 1704.00675.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

BOUNDARY_TOLERANCE = 0.008
"""Tolerance of the boundary measure, as a share of the image diagonal."""

_DECAY_BINS = 4


class Statistics(NamedTuple):
    """What DAVIS reports about the values of one measure over the frames of one object.

    Attributes:
        mean: mean over the frames.
        recall: share of the frames above 0.5.
        decay: mean of the first quarter of the frames minus mean of the last quarter; positive = getting worse.
    """

    mean: float
    recall: float
    decay: float


def region_similarity(gt: Mask, pred: Mask) -> float:
    """Measures J: intersection over union of two masks.

    Args:
        gt: bool (H, W), the annotation.
        pred: bool (H, W), the result.

    Returns:
        J in [0, 1]; 1 where both masks are empty.

    Raises:
        ValueError: the masks differ in size or are not bool (H, W).
    """
    _check(gt, pred)
    union = int(np.count_nonzero(gt | pred))
    return int(np.count_nonzero(gt & pred)) / union if union else 1.0


def boundary_measure(gt: Mask, pred: Mask, bound_th: float = BOUNDARY_TOLERANCE) -> float:
    """Measures F: harmonic mean of precision and recall of the boundary of a mask.

    A boundary pixel counts as found when the other mask has a boundary pixel within a disk around it.

    Args:
        gt: bool (H, W), the annotation.
        pred: bool (H, W), the result.
        bound_th: radius of the disk: a share of the image diagonal, rounded up; or, from 1 on, pixels.

    Returns:
        F in [0, 1]; 1 where neither mask has a boundary.

    Raises:
        ValueError: the masks differ in size or are not bool (H, W).
    """
    _check(gt, pred)
    return _boundary_measure(gt, pred, _tolerance(gt.shape, bound_th))


def frame_measures(
    gt: npt.NDArray[np.uint8], pred: npt.NDArray[np.uint8], count: int, bound_th: float = BOUNDARY_TOLERANCE
) -> npt.NDArray[np.float64]:
    """Measures J and F of the objects 1..``count`` in one frame.

    Args:
        gt: uint8 (H, W), the annotation's labels.
        pred: uint8 (H, W), the result's labels.
        count: number of objects.
        bound_th: as in :func:`boundary_measure`.

    Returns:
        float64 (count, 2): J and F, in [0, 1].

    Raises:
        ValueError: the label maps differ in size.
    """
    measures = np.empty((count, 2))
    tolerance = _tolerance(gt.shape, bound_th)
    for index in range(count):
        gt_mask, pred_mask = gt == index + 1, pred == index + 1
        measures[index] = region_similarity(gt_mask, pred_mask), _boundary_measure(gt_mask, pred_mask, tolerance)
    return measures


def boundary(mask: Mask) -> Mask:
    """Marks the pixels that differ from their right, lower or lower-right neighbour inside the image.

    Args:
        mask: bool (H, W).

    Returns:
        bool (H, W), a line one pixel wide; the image's own border is no boundary.
    """
    # Largest minus smallest value of a 2x2 window anchored at the pixel; OpenCV leaves out what is outside the image.
    window = np.ones((2, 2), np.uint8)
    return cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_GRADIENT, window, anchor=(0, 0)).view(np.bool_)


def statistics(values: npt.NDArray[np.float64]) -> Statistics:
    """Computes mean, recall and decay of the values of one measure.

    The quarters of the decay overlap by one frame, as in the official scorer. Its frame numbers wrap around
    above 256 frames; these do not.

    Args:
        values: float64 (T,), one value per frame, T >= 1.

    Returns:
        The three statistics.

    Raises:
        ValueError: there are no values.
    """
    if not len(values):
        raise ValueError("statistics need at least one frame")
    edges = np.round(np.linspace(1, len(values), _DECAY_BINS + 1) + 1e-10).astype(int) - 1
    first, last = values[: edges[1] + 1], values[edges[-2] :]
    return Statistics(float(values.mean()), float((values > 0.5).mean()), float(first.mean() - last.mean()))


def _boundary_measure(gt: Mask, pred: Mask, radius: int) -> float:
    gt_boundary, pred_boundary = (boundary(mask) for mask in _crop(gt, pred))
    gt_count, pred_count = int(np.count_nonzero(gt_boundary)), int(np.count_nonzero(pred_boundary))
    if not gt_count or not pred_count:
        return float(gt_count == pred_count)
    precision = int(np.count_nonzero(pred_boundary & _dilate(gt_boundary, radius))) / pred_count
    recall = int(np.count_nonzero(gt_boundary & _dilate(pred_boundary, radius))) / gt_count
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _crop(gt: Mask, pred: Mask) -> tuple[Mask, Mask]:
    """Cuts both masks to the box that holds all boundary pixels of either: one pixel around both masks.

    Pixels outside are neither matched nor match, so the tolerance needs no room.
    """
    x, y, width, height = cv2.boundingRect((gt | pred).view(np.uint8))
    rows = slice(max(y - 1, 0), y + height + 1)
    columns = slice(max(x - 1, 0), x + width + 1)
    return np.ascontiguousarray(gt[rows, columns]), np.ascontiguousarray(pred[rows, columns])


def _dilate(mask: Mask, radius: int) -> Mask:
    return cv2.dilate(mask.view(np.uint8), _disk(radius)).view(np.bool_)


@lru_cache(maxsize=8)
def _disk(radius: int) -> npt.NDArray[np.uint8]:
    """All pixels whose centre is within ``radius``; OpenCV's own ellipse is another shape."""
    squares = np.arange(-radius, radius + 1) ** 2
    return (squares[:, None] + squares <= radius * radius).astype(np.uint8)


def _tolerance(size: tuple[int, ...], bound_th: float) -> int:
    return math.ceil(bound_th if bound_th >= 1 else bound_th * float(np.linalg.norm(size)))


def _check(gt: Mask, pred: Mask) -> None:
    if gt.shape != pred.shape or gt.ndim != 2 or gt.dtype != np.bool_ or pred.dtype != np.bool_:
        raise ValueError(f"masks must be bool (H, W) of one size, got {gt.dtype} {gt.shape}, {pred.dtype} {pred.shape}")
