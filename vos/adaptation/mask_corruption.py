"""Corrupted masks: what a tracker brings along from an earlier frame no longer fits."""

from __future__ import annotations

import torch
import torch.nn.functional as F

LARGEST = 3  # cells by which a mask is grown or shrunk
HOLED_SHARE = 0.3  # of the masks have holes


def corrupt_masks(masks: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Corrupts masks as an earlier frame would: each zoomed, turned, shifted, grown or shrunk, some with holes.

    Args:
        masks: float (N, h, w) in [0, 1].
        generator: of the random numbers, on any device.

    Returns:
        float (N, h, w) in [0, 1].
    """
    count = len(masks)

    def draw(*shape: int) -> torch.Tensor:
        numbers = torch.rand(count, *shape, generator=generator, device=generator.device)
        return numbers.to(masks.device, non_blocking=True)

    zooms, angles, shifts = 0.88 + 0.27 * draw(1), 0.3 * draw(1) - 0.15, 0.24 * draw(2) - 0.12
    grow, size, holed = draw(1, 1, 1) < 0.5, draw(1, 1, 1) * (LARGEST + 1), draw(1, 1, 1) < HOLED_SHARE
    solid = F.interpolate(draw(1, 4, 4), size=masks.shape[1:], mode="bilinear") > 0.35
    cos, sin = zooms * angles.cos(), angles.sin()
    motions = torch.stack([torch.cat([cos, -sin, shifts[:, :1]], 1), torch.cat([sin, cos, shifts[:, 1:]], 1)], dim=1)
    grids = F.affine_grid(motions, [count, 1, *masks.shape[1:]], align_corners=False)
    x = F.grid_sample(masks[:, None], grids, align_corners=False)
    sign = grow * 2.0 - 1.0
    # No GPU is asked for the largest size: it would have to be waited for.
    most = int(size.max()) if size.device.type == "cpu" else LARGEST
    for radius in range(1, most + 1):  # a small square r times over is a square of radius r
        x = torch.where(size >= radius, sign * F.max_pool2d(sign * x, 3, 1, 1), x)
    return F.avg_pool2d(x * (solid | ~holed), 3, 1, 1)[:, 0]
