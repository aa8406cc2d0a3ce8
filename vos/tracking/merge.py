"""From low-res logits per object to one label map in original pixels."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from vos.geometry import Geometry
from vos.matting.alpha import FAST, soft_masks
from vos.structures import Frame, LabelMap, SegmentedFrame, TrackedFrame
from vos.tracking.config import EdgesConfig
from vos.tracking.edges import REACH_RADII, filter_radius, refine_edges


def merge(
    tracked: TrackedFrame,
    geometry: Geometry,
    frame: Frame,
    object_ids: tuple[int, ...],
    with_alpha: bool = False,
    edges: EdgesConfig | None = None,
    quality: str = FAST,
) -> SegmentedFrame:
    """Makes the final masks: upsampling, per-pixel argmax with the background at 0, soft masks.

    Objects are upsampled one at a time, so that memory does not grow with their number. Touches nothing but its
    arguments, hence safe on a writer's thread.

    Args:
        tracked: low-res logits of N objects.
        geometry: of the embedding that they were decoded from.
        frame: the frame, (H, W) original pixels.
        object_ids: N ids; the k-th object always has the k-th id.
        with_alpha: also give soft masks. They are made of the label map and the frame, whoever gave the labels.
        edges: whether and how outlines are moved onto the frame's edges before; None = not.
        quality: of the soft masks, see :func:`vos.matting.alpha.soft_masks`.

    Returns:
        The frame's result.
    """
    height, width = frame.size
    labels = np.zeros((height, width), dtype=np.uint8)
    painted = _given_ids(tracked)
    best = torch.zeros((height, width))
    for k, object_id in enumerate(object_ids):
        if object_id in painted or float(tracked.logits[k].amax()) <= 0:
            continue
        logits, area = _positive_pixels(tracked.logits[k], geometry, frame, edges)
        above = best[area]
        np.copyto(labels[area], np.uint8(object_id), where=(logits > above).numpy())
        torch.maximum(above, logits, out=above)
    if tracked.given is not None:
        labels = np.where(tracked.given.labels > 0, tracked.given.labels, labels)
    soften = partial(soft_masks, labels, object_ids, frame.rgb, quality)
    return SegmentedFrame(
        frame=frame,
        label_map=LabelMap(labels, object_ids),
        predicted_iou=tracked.predicted_iou.float().cpu().numpy(),
        presence=tracked.presence,
        rejected_iou=None if tracked.rejected_iou is None else tracked.rejected_iou.float().cpu().numpy(),
        alpha=soften() if with_alpha else None,
        soften=None if with_alpha else soften,
    )


def _given_ids(tracked: TrackedFrame) -> set[int]:
    return set() if tracked.given is None else set(np.unique(tracked.given.labels).tolist()) - {0}


def _positive_pixels(
    logits: torch.Tensor, geometry: Geometry, frame: Frame, edges: EdgesConfig | None
) -> tuple[torch.Tensor, tuple[slice, slice]]:
    """One object's logits where they can be positive, and the pixels that they are for."""
    if edges is None:
        return geometry.logits_to_pixels(logits)
    pixels, area = geometry.logits_to_pixels(logits, margin=REACH_RADII * filter_radius(geometry, edges))
    return torch.from_numpy(refine_edges(pixels.numpy(), frame.rgb[area], geometry, edges)), area
