"""What a good answer of the decoder is."""

from __future__ import annotations

import torch
import torch.nn.functional as F

OTHER_CANDIDATES = 0.03  # weight of the candidates that were not the best, so that none dies


def true_iou(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """IoU of masks (N, M, h4, w4) against soft targets (N, h4, w4); 0 where the object is absent: (N, M)."""
    predicted, wanted = logits > 0, (target > 0.5)[:, None]
    union = (predicted | wanted).sum(dim=(2, 3))
    return (predicted & wanted).sum(dim=(2, 3)) / union.clamp(min=1)


def mask_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Focal, edge-weighted cross-entropy and dice loss of every candidate.

    Args:
        logits: float (N, M, h4, w4).
        target: float (N, h4, w4), the covered share of each cell.

    Returns:
        float (N, M).
    """
    goal = target[:, None].expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, goal, reduction="none")
    probability = logits.sigmoid()
    wrong = probability * (1 - 2 * goal) + goal
    spread = F.max_pool2d(target[:, None], 3, 1, 1) + F.max_pool2d(-target[:, None], 3, 1, 1)
    edge = 1 + 3 * (spread > 0.2).float()
    overlap = (probability * goal).sum(dim=(2, 3))
    dice = 1 - (2 * overlap + 1) / (probability.sum(dim=(2, 3)) + goal.sum(dim=(2, 3)) + 1)
    return (entropy * (10 * wrong**2 + edge)).mean(dim=(2, 3)) + dice


def choice_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Loss per object of the single mask and of the best of the three candidates: (N,)."""
    per_mask = mask_loss(logits, target)
    candidates = per_mask[:, 1:]
    return per_mask[:, 0] + candidates.amin(dim=1) + OTHER_CANDIDATES * candidates.mean(dim=1)


def decoder_loss(logits: torch.Tensor, quality: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """:func:`choice_loss` and the loss of the predicted IoU of all four masks: (N,)."""
    iou = F.binary_cross_entropy_with_logits(quality, true_iou(logits, target), reduction="none").mean(dim=1)
    return choice_loss(logits, target) + 0.3 * iou
