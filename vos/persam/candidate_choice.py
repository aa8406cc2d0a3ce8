"""Which of the decoder's candidates is meant: predicted IoU says it, and where the user has clicked or drawn a box."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from vos.geometry import Geometry
from vos.persam.cascade import Box, low_res_box
from vos.sam.prompting import MaskCandidates, Prompt

CENTRAL = 0.2  # weight of how deep inside of it a single click lies: users click the middle of what they mean
FITTING = 1.0  # weight of the IoU of its bounding box and the user's


def choose_candidate(found: MaskCandidates, geometry: Geometry, prompt: Prompt) -> int:
    """Chooses one of an object's candidates, M of them for one prompt; returns its number, from 0."""

    def score(number: int) -> float:
        logits, predicted = found.logits[0, number].float(), float(found.predicted_iou[0, number])
        if prompt.box is not None:
            return predicted + FITTING * fit_to_box(logits, geometry, prompt.box)
        return predicted + (CENTRAL * depth_of_click(logits, geometry, prompt) if len(prompt.points) == 1 else 0.0)

    return max(range(found.logits.shape[1]), key=score)


def fit_to_box(logits: torch.Tensor, geometry: Geometry, box: Box) -> float:
    """Measures the IoU of the bounding box of low-res logits (h4, w4) and a box in original pixels."""
    own = low_res_box(logits, geometry)
    if own is None:
        return 0.0
    both = np.stack([own, box])
    sides = np.maximum(both[:, 2:].min(axis=0) - both[:, :2].max(axis=0), 0)
    shared, areas = float(sides.prod()), float((both[:, 2:] - both[:, :2]).prod(axis=1).sum())
    return shared / max(areas - shared, 1e-6)


def depth_of_click(logits: torch.Tensor, geometry: Geometry, prompt: Prompt) -> float:
    """Measures how far the only click is from the outline of low-res logits (h4, w4): 0 outside, 1 in the middle."""
    rows, columns = geometry.image_logit_size
    inside = np.pad((logits[:rows, :columns] > 0).cpu().numpy().astype(np.uint8), 1)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    x, y = (geometry.points_to_input(prompt.points)[0] / geometry.logit_stride).astype(int)
    return float(distance[min(y, rows - 1), min(x, columns - 1)] / max(float(distance.max()), 1.0))
