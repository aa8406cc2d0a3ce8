"""One owner per place: what happens where several masks claim the same cell."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from vos.geometry import mask_iou


def resolve_overlap(logits: torch.Tensor) -> torch.Tensor:
    """Gives each low-res cell to one object at most, as the merging of label maps gives each pixel.

    Args:
        logits: float (N, h4, w4).

    Returns:
        The same, with a loser's positive logits replaced by the winner's, negated.
    """
    contested = (logits > 0).sum(dim=0, dtype=torch.uint8) > 1  # few cells: outlines of neighbours; at most 255 objects
    claims = logits[:, contested]
    best, winner = claims.max(dim=0)
    number = torch.arange(len(logits), device=logits.device)[:, None]
    resolved = logits.clone()
    resolved[:, contested] = torch.where((claims > 0) & (winner != number), -best, claims)
    return resolved


def others_of(masks: Sequence[torch.Tensor | None]) -> dict[int, torch.Tensor]:
    """Tells where the others are, for each of N objects.

    Args:
        masks: N low-res logits (h4, w4), None for an object that is not known to be anywhere.

    Returns:
        The number of an object to the maximum of all others' logits (h4, w4); without those that have no others.
    """
    known = [mask for mask in masks if mask is not None]
    if not known:
        return {}
    best, second = known[0], None
    for mask in known[1:]:
        lesser = torch.minimum(best, mask)
        second = lesser if second is None else torch.maximum(second, lesser)
        best = torch.maximum(best, mask)
    others = {}
    for k, own in enumerate(masks):
        if own is None:
            others[k] = best
        elif second is not None:
            others[k] = torch.where(own == best, second, best)
    return others


def same_place(mask: torch.Tensor, others: Sequence[torch.Tensor]) -> bool:
    """Tells whether a mask, bool (h2, w2), is for the most part one of the others: an IoU above one half."""
    return any(mask_iou(mask, other) > 0.5 for other in others)
