"""Prompts as a user would give them, drawn from the true mask on the low-res grid."""

from __future__ import annotations

import random

import torch

from vos.sam.prompt_maps import prompt_maps


def click(region: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """One cell of a boolean region (h4, w4) as (1, 2), (x, y) of its centre; (0, 2) where the region is empty."""
    cells = region.nonzero()
    if len(cells) == 0:
        return torch.zeros(0, 2)
    row, column = cells[rng.randrange(len(cells))].tolist()
    return torch.tensor([[column + 0.5, row + 0.5]])


def loose_box(mask: torch.Tensor, rng: random.Random, slack: float = 0.1) -> torch.Tensor | None:
    """The box of a boolean mask (h4, w4), each side moved by up to ``slack`` of its length; None where it is empty."""
    cells = mask.nonzero()
    if len(cells) == 0:
        return None
    y0, x0 = cells.amin(dim=0).tolist()
    y1, x1 = (cells.amax(dim=0) + 1).tolist()
    dx, dy = slack * (x1 - x0), slack * (y1 - y0)
    noise = [rng.uniform(-1, 1) for _ in range(4)]
    return torch.tensor([x0 + noise[0] * dx, y0 + noise[1] * dy, x1 + noise[2] * dx, y1 + noise[3] * dy])


def draw(
    truth: torch.Tensor,
    positive: torch.Tensor,
    negative: torch.Tensor,
    box: torch.Tensor | None,
    mask: torch.Tensor | None,
    others: torch.Tensor | None = None,
) -> torch.Tensor:
    """Draws a prompt given in cells of the logits' grid, that of ``truth``, as the decoder reads it."""
    size = (truth.shape[0] // 2, truth.shape[1] // 2)
    return prompt_maps(size, positive / 2, negative / 2, None if box is None else box / 2, mask, others)
