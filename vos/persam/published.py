"""What only the published methods need, defects that change results included; see the ``published`` modules above.

The public code is github.com/ZrrSkywalker/Personalize-SAM. The default methods use nothing of this but the constants.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from vos.geometry import Geometry, mask_box

RED_MEAN, RED_STD = 123.675, 58.395  # of SAM's preprocessing
PHOTO_MASK_VALUE, VIDEO_MASK_VALUE = 128, 215  # red in the masks' palettes (PerSeg, DAVIS): features depend on it
ALPHA, GAMMA = 0.25, 2  # sigmoid focal loss
ADAM_EPS, WEIGHT_DECAY, BETAS = 1e-4, 0.01, (0.9, 0.999)


def published_coverage(mask: npt.NDArray[np.bool_], geometry: Geometry, value: int) -> torch.Tensor:
    """Gives the cells that count as object in the published code, as 0 or 1 (h, w).

    It sends the mask through the image's own preprocessing: resized as uint8, normalised with the mean of the red
    channel, padded, sampled at the cells' centres, kept where > 0. So the red ``value`` of the mask's colour decides
    how much of a centre has to be covered: 57.5 % at 215 (video), 96.6 % at 128 (PerSeg's palette).

    Args:
        mask: bool (H, W), original pixels, not empty.
        geometry: of the image.
        value: 0..255, red channel of the mask's colour, above 123.
    """
    height, width = geometry.input_size
    image = Image.fromarray(mask.astype(np.uint8) * np.uint8(value))
    resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    normalised = (torch.from_numpy(resized.astype(np.float32)) - RED_MEAN) / RED_STD
    padding = (0, geometry.padded_size[1] - width, 0, geometry.padded_size[0] - height)
    padded = F.pad(normalised[None, None], padding)
    cells = F.interpolate(padded, size=geometry.grid_size, mode="bilinear", align_corners=False)[0, 0] > 0
    if not bool(cells.any()):  # CRASH (NaN): a tiny object covers no cell so far; take the best-covered ones.
        return geometry.mask_to_grid(torch.from_numpy(mask)[None])[0]
    return cells.float()


def similarity_pixels(found: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """Upsamples S (1, h, w) fourfold, then like SAM's masks to original pixels (H, W)."""
    upsampled = F.interpolate(found[:, None], scale_factor=4, mode="bilinear", align_corners=False)
    return geometry.logits_to_original(upsampled)[0, 0]


def top_points(similarity: torch.Tensor, geometry: Geometry, count: int) -> npt.NDArray[np.float32]:
    """Picks the ``count`` most similar pixels of each object, as published: S x 4, then to original pixels, then top-k.

    Args:
        similarity: float (N, h, w) on the embedding grid.
        geometry: of the image.
        count: k; the best pixels of a smooth map are neighbours.

    Returns:
        float32 (N, count, 2) as (x, y) in original pixels; fewer than ``count`` where the image has fewer pixels.
    """
    points = []
    for single in similarity:
        pixels = similarity_pixels(single[None], geometry)
        best = pixels.flatten().topk(min(count, pixels.numel()))[1]
        points.append(torch.stack([best % pixels.shape[1], best // pixels.shape[1]], dim=1))
    return torch.stack(points).cpu().numpy().astype(np.float32)


def full_size_box(logits: torch.Tensor, geometry: Geometry) -> npt.NDArray[np.float32] | None:
    """Finds the box of low-res logits (h4, w4) on the mask in original pixels; None where that is empty."""
    return mask_box((geometry.logits_to_original(logits[None, None])[0, 0] > 0).cpu().numpy())


def tune_by_autograd(maps: torch.Tensor, mask: torch.Tensor, steps: int, learning_rate: float) -> torch.Tensor:
    """Finds PerSAM-F's weights by the published loop, bit for bit.

    Args:
        maps: float32 (3, P), logits of the three candidates.
        mask: bool (P,), the truth.
        steps: optimiser steps.
        learning_rate: at the first step.

    Returns:
        float32 (3,), with the sum 1.
    """
    target = mask.float()[None]
    free = torch.nn.Parameter(torch.ones(2, 1, device=maps.device) / 3)
    optimizer = torch.optim.AdamW([free], lr=learning_rate, betas=BETAS, eps=ADAM_EPS, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    with torch.enable_grad():
        for _ in range(steps):
            fused = (maps * _with_first(free)).sum(0, keepdim=True)
            loss = dice_loss(fused, target) + focal_loss(fused, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return _with_first(free).detach()[:, 0]


def _with_first(free: torch.Tensor) -> torch.Tensor:
    return torch.cat((1 - free.sum(0, keepdim=True), free), dim=0)


def dice_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Computes 1 - (2 |A B| + 1) / (|A| + |B| + 1) over the last dimension of (1, P), summed over the first."""
    probability = logits.sigmoid()
    numerator = 2 * (probability * target).sum(-1)
    denominator = probability.sum(-1) + target.sum(-1)
    return (1 - (numerator + 1) / (denominator + 1)).sum()


def focal_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Computes sigmoid focal loss (Lin et al., arXiv 1708.02002), mean over the last dimension of (1, P), summed."""
    probability = logits.sigmoid()
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    of_truth = probability * target + (1 - probability) * (1 - target)
    balance = ALPHA * target + (1 - ALPHA) * (1 - target)
    return (balance * (cross_entropy * ((1 - of_truth) ** GAMMA))).mean(1).sum()
