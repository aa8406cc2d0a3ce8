"""An earlier frame's mask, as a tracker would bring it along."""

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
