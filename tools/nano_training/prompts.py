"""Prompts as a user or a tracker would give them, drawn from the true mask on the low-res grid."""

from __future__ import annotations

import math
import random

import torch
import torch.nn.functional as F


def stale_mask(mask: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """What an earlier frame's mask may look like: shifted, grown or shrunk, with holes.

    Args:
        mask: float (h4, w4) in [0, 1].
        rng: random numbers.

    Returns:
        float (h4, w4) in [0, 1].
    """
    zoom, angle = rng.uniform(0.88, 1.15), rng.uniform(-0.15, 0.15)
    theta = torch.tensor(
        [
            [zoom * math.cos(angle), -math.sin(angle), rng.uniform(-0.12, 0.12)],
            [math.sin(angle), zoom * math.cos(angle), rng.uniform(-0.12, 0.12)],
        ]
    )
    x = mask[None, None]
    x = F.grid_sample(x, F.affine_grid(theta[None], list(x.shape), align_corners=False), align_corners=False)
    radius = rng.choice([0, 1, 2, 3])
    if radius:
        grow = rng.random() < 0.5
        x = F.max_pool2d(x if grow else -x, 2 * radius + 1, 1, radius) * (1 if grow else -1)
    if rng.random() < 0.3:
        noise = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(rng.getrandbits(31)))
        x = x * (F.interpolate(noise, size=x.shape[-2:], mode="bilinear") > 0.35)
    return F.avg_pool2d(x, 3, 1, 1)[0, 0]


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
