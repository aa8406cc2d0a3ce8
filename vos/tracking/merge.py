"""From low-res logits per object to one label map in original pixels."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry
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
) -> SegmentedFrame:
    """Makes the final masks: upsampling, per-pixel argmax with the background at 0, soft alphas.

    Objects are upsampled one at a time, so that memory does not grow with their number. Touches nothing but its
    arguments, hence safe on a writer's thread.

    Args:
        tracked: low-res logits of N objects.
        geometry: of the embedding that they were decoded from.
        frame: the frame, (H, W) original pixels.
        object_ids: N ids; the k-th object always has the k-th id.
        with_alpha: also give soft masks: softmax over the objects and a background with logit 0 (for a single object
            that is its sigmoid).
        edges: whether and how outlines are moved onto the frame's edges before; None = not.

    Returns:
        The frame's result.
    """
    height, width = frame.size
    labels = np.zeros((height, width), dtype=np.uint8)
    painted = _given_ids(tracked)
    visible = [k for k, i in enumerate(object_ids) if i not in painted and float(tracked.logits[k].amax()) > 0]
    best = torch.zeros((height, width))
    total = torch.ones((height, width)) if with_alpha else None
    for k in visible:
        logits, area = _positive_pixels(tracked.logits[k], geometry, frame, edges, everywhere=with_alpha)
        above = best[area]
        np.copyto(labels[area], np.uint8(object_ids[k]), where=(logits > above).numpy())
        torch.maximum(above, logits, out=above)
        if total is not None:
            total += logits.clamp(max=80).exp_()
    if tracked.given is not None:
        labels = np.where(tracked.given.labels > 0, tracked.given.labels, labels)
    alpha = None
    if total is not None:
        alpha = np.zeros((len(object_ids), height, width), dtype=np.uint8)
        free = None if tracked.given is None else tracked.given.labels == 0
        for k, object_id in enumerate(object_ids):
            if tracked.given is not None and object_id in painted:
                alpha[k][tracked.given.labels == object_id] = 255
            elif k in visible:
                share = _pixels(tracked.logits[k], geometry, frame, edges).clamp(max=80).exp_() / total
                alpha[k] = (share * 255 + 0.5).to(torch.uint8).numpy()
                if free is not None:
                    alpha[k] *= free
    return SegmentedFrame(
        frame=frame,
        label_map=LabelMap(labels, object_ids),
        predicted_iou=tracked.predicted_iou.float().cpu().numpy(),
        presence=tracked.presence,
        alpha=alpha,
        soften=None if with_alpha else partial(_soft_masks, tracked, geometry, frame, object_ids, edges),
    )


def _soft_masks(
    tracked: TrackedFrame, geometry: Geometry, frame: Frame, object_ids: tuple[int, ...], edges: EdgesConfig | None
) -> npt.NDArray[np.uint8]:
    """Makes the soft masks (N, H, W) of a frame that was merged without them."""
    alpha = merge(tracked, geometry, frame, object_ids, with_alpha=True, edges=edges).alpha
    assert alpha is not None
    return alpha


def _given_ids(tracked: TrackedFrame) -> set[int]:
    return set() if tracked.given is None else set(np.unique(tracked.given.labels).tolist()) - {0}


def _positive_pixels(
    logits: torch.Tensor, geometry: Geometry, frame: Frame, edges: EdgesConfig | None, everywhere: bool
) -> tuple[torch.Tensor, tuple[slice, slice]]:
    """One object's logits and the pixels that they are for: all of them, or those that can be positive."""
    if everywhere:
        return _pixels(logits, geometry, frame, edges), (slice(None), slice(None))
    if edges is None:
        return geometry.logits_to_pixels(logits)
    pixels, area = geometry.logits_to_pixels(logits, margin=REACH_RADII * filter_radius(geometry, edges))
    return torch.from_numpy(refine_edges(pixels.numpy(), frame.rgb[area], geometry, edges)), area


def _pixels(logits: torch.Tensor, geometry: Geometry, frame: Frame, edges: EdgesConfig | None) -> torch.Tensor:
    """One object's logits (h4, w4) in original pixels (H, W)."""
    pixels = geometry.logits_to_original(logits[None, None].float())[0, 0].cpu()
    if edges is None:
        return pixels
    return torch.from_numpy(refine_edges(pixels.numpy(), frame.rgb, geometry, edges))
