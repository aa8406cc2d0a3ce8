"""What good maps are: they show the object themselves."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def similarity_loss(maps: list[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """Makes the maps that steer the decoder show the object themselves.

    Args:
        maps: float (N, 6, h, w) on the embedding grid, then the target model's (N, 1, h', w') at finer scales.
        target: float (N, h2, w2), the covered share of each cell of the logits' grid.

    Returns:
        float (N,).
    """

    def entropy(response: torch.Tensor) -> torch.Tensor:
        goal = F.avg_pool2d(target, target.shape[-1] // response.shape[-1])
        return F.binary_cross_entropy_with_logits(response, goal, reduction="none").mean(dim=(1, 2))

    grid, *finer = maps
    similar = 0.5 * (entropy(grid[:, 0] * 8 - 4) + entropy(grid[:, 4] * 8))
    return similar + 0.3 * (entropy(grid[:, 5] * 4) + sum(entropy(response[:, 0] * 4) for response in finer))
