"""The last touch to masks before they are written: pieces, holes, flicker, size and softness of the outline."""

from __future__ import annotations

import logging
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from vos.io.config import FinishConfig
from vos.io.smoothing import Smoother
from vos.structures import LabelMap, SegmentedFrame

Labels = npt.NDArray[np.uint8]  # (H, W)
Mask = npt.NDArray[np.bool_]  # (H, W)
Alpha = npt.NDArray[np.uint8]  # (H, W)

LOG = logging.getLogger("vos")

RIM_PER_SIDE = 1 / 100  # how far a soft edge reaches beyond the hard one, as a share of the shorter side
STEP = 8  # pixels that an outline moves at once: large kernels cost by their area
FADE = 2.563  # standard deviations between a tenth and nine tenths of a Gaussian's integral


class Finish:
    """Retouches results as they come, in the order of time; the same one twice costs once.

    In this order: small pieces go, holes are filled, masks are smoothed in time, outlines move, edges are feathered.
    Every object keeps clear of the others' pixels. Hard masks have no soft edges; they take part in all else.

    Args:
        config: what is done.
    """

    def __init__(self, config: FinishConfig) -> None:
        self.config = config
        self._smoother = Smoother(config.smooth) if config.smooth else None
        self._latest: tuple[SegmentedFrame, SegmentedFrame] | None = None
        self._emptied = set[int]()  # objects of which nothing was left in some frame

    def __call__(self, segmented: SegmentedFrame) -> SegmentedFrame:
        """Returns the frame's result, finished."""
        if self._latest is None or self._latest[0] is not segmented:
            self._latest = segmented, self._finished(segmented)
        return self._latest[1]

    def _finished(self, segmented: SegmentedFrame) -> SegmentedFrame:
        config, ids = self.config, segmented.label_map.object_ids
        labels, alphas = segmented.label_map.labels, None if segmented.alpha is None else list(segmented.alpha)
        for k, object_id in enumerate(ids):
            labels, alpha = cleaned(labels, object_id, None if alphas is None else alphas[k], config)
            if alphas is not None and alpha is not None:
                alphas[k] = alpha
        if self._smoother is not None:
            labels, alphas = self._smoother(segmented.frame, labels, ids, alphas)
        moved = moved_labels(labels, config.grow)
        self._warn_of_emptied(segmented, labels, moved)
        labels = moved
        if alphas is not None:
            alphas = [softened(alpha, _free(labels, i), config) for i, alpha in zip(ids, alphas)]
        soft = None if alphas is None else limited(np.stack(alphas)) if alphas else segmented.alpha
        return replace(segmented, label_map=LabelMap(labels, ids), alpha=soft, soften=None)

    def _warn_of_emptied(self, segmented: SegmentedFrame, before: Labels, after: Labels) -> None:
        """Warns once of each object that is too small for how far its outline moves inwards."""
        gone = set(np.unique(before).tolist()) - set(np.unique(after).tolist()) - self._emptied
        for object_id in sorted(gone) if self.config.grow < 0 else ():
            who, where = segmented.name_of(object_id), segmented.frame.name
            LOG.warning("finish.grow=%d leaves nothing of %s in frame %s", self.config.grow, who, where)
        self._emptied |= gone


def cleaned(labels: Labels, object_id: int, alpha: Alpha | None, config: FinishConfig) -> tuple[Labels, Alpha | None]:
    """Removes an object's small pieces and fills its holes, in the label map and in its soft mask."""
    mask = labels == object_id
    if not mask.any() or not (config.min_piece or config.fill_holes):
        return labels, alpha
    free = _free(labels, object_id)
    if config.min_piece:
        kept = large_pieces(mask, config.min_piece)
        labels = np.where(mask & ~kept, 0, labels).astype(np.uint8)
        if alpha is not None:
            gone = _with_rim(mask & ~kept, kept) | ~_connected(alpha > 0, kept)
            alpha = np.where(gone, 0, alpha).astype(np.uint8)
        mask = kept
    if config.fill_holes:
        holes = holes_of(mask) & free
        labels = np.where(holes, object_id, labels).astype(np.uint8)
        if alpha is not None:
            solid = _with_rim(holes, ~(mask | holes)) & free
            alpha = np.where(solid, 255, alpha).astype(np.uint8)
    return labels, alpha


def large_pieces(mask: Mask, share: float) -> Mask:
    """Leaves the pieces of a mask that have at least this share of its area, and the largest one anyway."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    areas[0] = 0  # what is no object
    is_large = areas >= max(1, min(share * areas.sum(), areas.max()))
    return np.asarray(is_large[pieces], np.bool_)


def holes_of(mask: Mask) -> Mask:
    """Finds what a mask encloses."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solid = cv2.drawContours(np.zeros(mask.shape, np.uint8), outlines, -1, 1, cv2.FILLED)
    return np.asarray((solid > 0) & ~mask, np.bool_)


def moved_labels(labels: Labels, grow: int) -> Labels:
    """Moves the outlines of all objects by so many pixels; what grows together meets halfway."""
    if grow == 0 or not labels.any():
        return labels
    if grow < 0:
        result = np.zeros_like(labels)
        for object_id in np.unique(labels[labels > 0]):
            inward = cv2.distanceTransform((labels == object_id).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            result[inward > -grow] = object_id
        return result
    outward, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    owner = np.zeros(int(nearest.max()) + 1, np.uint8)
    owner[nearest[labels > 0]] = labels[labels > 0]
    return np.where(outward <= grow, owner[nearest], 0).astype(np.uint8)


def softened(alpha: Alpha, free: Mask, config: FinishConfig) -> Alpha:
    """Moves the outline of a soft mask and feathers it, where no other object is."""
    if not (config.grow or config.feather) or not alpha.any():
        return alpha
    changed, left = alpha, abs(config.grow)
    while left:
        step = min(left, STEP)
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * step + 1, 2 * step + 1))
        changed = np.asarray((cv2.dilate if config.grow > 0 else cv2.erode)(changed, disk), np.uint8)
        left -= step
    if config.feather:
        sigma = config.feather / FADE
        changed = np.asarray(cv2.GaussianBlur(changed, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)
    return changed if config.grow < 0 else np.where(free, changed, alpha).astype(np.uint8)


def limited(alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Scales soft masks (N, H, W) down where they are more than whole together."""
    total = alpha.sum(axis=0, dtype=np.uint16)
    over = total > 255
    if over.any():
        alpha = alpha.copy()
        alpha[:, over] = alpha[:, over] * np.uint16(255) // total[over]
    return alpha


def _free(labels: Labels, object_id: int) -> Mask:
    return np.asarray((labels == 0) | (labels == object_id), np.bool_)


def _with_rim(part: Mask, other: Mask) -> Mask:
    """Adds a soft edge's width to a part of the frame, but not where that is nearer to another part."""
    if not part.any():
        return part
    reach = max(3.0, min(part.shape) * RIM_PER_SIDE)
    to_part, to_other = (
        cv2.distanceTransform((~one).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for one in (part, other)
    )
    return np.asarray((to_part <= reach) & ((to_part < to_other) if other.any() else True), np.bool_)


def _connected(soft: Mask, kept: Mask) -> Mask:
    """Leaves the pieces of a soft mask that belong to what is kept."""
    _, pieces = cv2.connectedComponents(soft.astype(np.uint8))
    belongs = np.zeros(int(pieces.max()) + 1, np.bool_)
    belongs[pieces[kept & soft]] = True
    belongs[0] = False
    return np.asarray(belongs[pieces], np.bool_)
