"""What the object looks like: target features pooled over the reference mask (PerSAM, section 3.1)."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F

from vos.structures import TargetFeature

Pooling = Literal["mean", "max_mean"]
"""``mean``: image PerSAM. ``max_mean``: (max + mean) / 2 per channel, PerSAM-F and both video variants."""

BACKGROUND_COVERAGE = 0.05  # a cell covered less than this by the object counts as background


def target_feature(features: torch.Tensor, coverage: torch.Tensor, pooling: Pooling = "max_mean") -> TargetFeature:
    """Pools the features of one object.

    Args:
        features: float (C, h, w) on the embedding grid.
        coverage: float (h, w) in [0, 1], the share of each cell that the object covers; not all zero.
        pooling: how the covered cells become one vector.

    Returns:
        The target feature. Where no cell is at least half covered (tiny objects) the best-covered cells stand in,
        so that there is always at least one.
    """
    cells = features.flatten(1)
    weight = coverage.flatten().to(cells.dtype)
    unit = F.normalize(cells, dim=0)
    inside = weight > min(0.5, 0.8 * float(weight.max()))
    outside = weight < BACKGROUND_COVERAGE
    chosen = cells[:, inside]
    embedding = chosen.mean(dim=1)
    if pooling == "max_mean":
        embedding = (embedding + chosen.amax(dim=1)) / 2
    return TargetFeature(
        embedding=embedding,
        direction=F.normalize(embedding, dim=0),
        foreground=unit[:, inside].T.contiguous(),
        background=unit[:, outside].T.contiguous(),
        background_direction=F.normalize((cells * outside).sum(dim=1), dim=0),
    )
