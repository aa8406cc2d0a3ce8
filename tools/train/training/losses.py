"""What the decoder is trained by, besides the loss that it goes on with in videos (``vos.sam.nano.tuning``)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from vos.sam.nano.tuning import choice_loss


def true_iou(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Measures the IoU of masks (N, M, h4, w4) against soft targets (N, h4, w4), 0 where one is absent: (N, M)."""
    predicted, wanted = logits > 0, (target > 0.5)[:, None]
    union = (predicted | wanted).sum(dim=(2, 3))
    return (predicted & wanted).sum(dim=(2, 3)) / union.clamp(min=1)


def decoder_loss(logits: torch.Tensor, quality: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Adds to :func:`choice_loss` the loss of the predicted IoU of all four masks: (N,)."""
    iou = F.binary_cross_entropy_with_logits(quality, true_iou(logits, target), reduction="none").mean(dim=1)
    return choice_loss(logits, target) + 0.3 * iou
