"""One owner per place: what happens where several masks claim the same cell."""

from __future__ import annotations

import torch


def resolve_overlap(logits: torch.Tensor) -> torch.Tensor:
    """Gives each low-res cell to one object at most, as the merging of label maps gives each pixel.

    Args:
        logits: float (N, h4, w4).

    Returns:
        The same, with a loser's positive logits replaced by the winner's, negated.
    """
    best, winner = logits.max(dim=0)
    number = torch.arange(len(logits), device=logits.device).view(-1, 1, 1)
    return torch.where((logits > 0) & (winner != number), -best, logits)
