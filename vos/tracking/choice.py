"""Which of the decoder's candidates is the object, and whether they disagree because a look-alike is near."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from vos.sam.prompting import MaskCandidates
from vos.tracking.config import ChoiceConfig

SMALLEST = 1e-6


def choose(
    candidates: MaskCandidates, expected: Sequence[torch.Tensor | None], config: ChoiceConfig
) -> tuple[MaskCandidates, list[bool]]:
    """Picks a candidate per object by predicted IoU and by agreement with the mask that motion leads to expect.

    SAMURAI weighs a box from a Kalman filter in this way (arXiv 2411.11922); here the mask itself has moved along.

    Args:
        candidates: N objects, M candidates.
        expected: N low-res logits (h2, w2) of the earlier mask where it should be now, None for a lost object.
        config: weights.

    Returns:
        The picked candidates, M = 1, and for each object whether another candidate that is nearly as sure shows
        something else: DAM4SAM's sign of a distractor (arXiv 2411.17576).
    """
    picked, contested = [], []
    for row, prior in enumerate(expected):
        masks, quality = candidates.logits[row] > 0, candidates.predicted_iou[row]
        score = quality
        if prior is not None and config.agreement > 0:
            score = (1 - config.agreement) * quality + config.agreement * overlap(masks, prior > 0)
        best = int(score.argmax())
        sure = quality >= config.rival * quality[best]
        contested.append(bool((overlap(masks, masks[best])[sure] < config.contested).any()))
        picked.append(best)
    rows, index = torch.arange(len(picked)), torch.tensor(picked)
    chosen = MaskCandidates(candidates.logits[rows, index][:, None], candidates.predicted_iou[rows, index][:, None])
    return chosen, contested


def overlap(masks: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """IoU of M masks (M, h2, w2) with one (h2, w2): (M,)."""
    both, either = (masks & mask).sum(dim=(1, 2)), (masks | mask).sum(dim=(1, 2))
    return both / either.clamp(min=SMALLEST)
