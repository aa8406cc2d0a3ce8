"""A linear model of the object against everything around it, fitted in closed form to the views that are known.

Similarity to the object's feature (PerSAM) does not know what the background looks like. A ridge regression from a
cell's features to object or background does: the few-shot learner of R2-D2 (Bertinetto et al., ICLR 2019) in the part
that FRTM (Robinson et al., CVPR 2020) gives it in video. Its sufficient statistics are a small matrix per view and
scale, so that a memory of views is a weighted sum of matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F

RIDGE = 3e-3  # times the mean diagonal of the second moments
NEGLIGIBLE = 1e-4  # share of a cell: a soft mask is nowhere quite 0
Solver = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Of N linear systems: matrices (N, C, C) and right sides (N, C) to solutions (N, C)."""

LIMIT = 2.0  # answers are clipped to this; the goals are 1 on the object and -1 around it


def moments(features: torch.Tensor, coverage: torch.Tensor) -> torch.Tensor:
    """Computes the second moments of one view's cells, object and background of equal weight in total.

    Args:
        features: float (C, h, w).
        coverage: float (N, h, w) in [0, 1], the share of each cell that each of N objects covers.

    Returns:
        float (N, C + 1, C + 2): the moments of the features and a constant with each other, and, in the last
        column, with the goals.
    """
    cells = features.flatten(1).T.float().contiguous()  # (P, C): those of one object are rows to fetch
    inside = coverage.flatten(1).float()
    size = inside.sum(dim=1)
    within = 0.5 / size.clamp(min=1e-3)  # weight of a whole cell of the object, and of one around it
    around = 0.5 / (inside.shape[1] - size).clamp(min=1e-3)
    # All objects share the moments of the whole picture; only their own cells have to be told apart.
    everything = _moments_of(cells)
    seconds, goals = [], []
    for number, share in enumerate(inside):
        own = (share > NEGLIGIBLE).nonzero().squeeze(1) if not torch.is_grad_enabled() else slice(None)
        theirs = _moments_of(cells[own], share[own])
        seconds.append(around[number] * everything + (within[number] - around[number]) * theirs)
        goals.append((within[number] + around[number]) * theirs[:, -1] - around[number] * everything[:, -1])
    return torch.cat([torch.stack(seconds), torch.stack(goals)[..., None]], dim=2)


def _moments_of(cells: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Second moments of cells (P, C), weighted (P,), and a constant: (C + 1, C + 1); the last column holds the sums."""
    weighted = cells if weights is None else cells * weights[:, None]
    sums = weighted.sum(dim=0)
    count = sums.new_full((1,), len(cells)) if weights is None else weights.sum()[None]
    return torch.cat([torch.cat([weighted.T @ cells, sums[:, None]], dim=1), torch.cat([sums, count])[None]])


def fit(moments: torch.Tensor, solve: Solver = torch.linalg.solve) -> torch.Tensor:
    """Solves the ridge regressions of N objects: float (N, C + 1, C + 2) to weights (N, C + 1)."""
    second, goal = moments[..., :-1], moments[..., -1]
    ridge = RIDGE * second.diagonal(dim1=1, dim2=2).mean(dim=1)
    eye = torch.eye(second.shape[1], device=second.device)
    return solve(second + ridge[:, None, None] * eye, goal)


def respond(features: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Asks N models (N, C + 1) about every cell of features (C, h, w): (N, h, w) in [-2, 2]."""
    values = weights[:, :-1] @ features.flatten(1).float() + weights[:, -1:]
    response: torch.Tensor = values.clamp(-LIMIT, LIMIT).unflatten(1, features.shape[1:])
    return response


def scales(features: torch.Tensor, levels: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Lists the feature maps that target models are fitted to, coarse to fine: float (C, h, w) each.

    Args:
        features: float (C, h, w) on the embedding grid.
        levels: the decoder's own levels at strides 16, 8, 4 (the first says nothing that ``features`` do not).
    """
    return [F.normalize(features.float(), dim=0), *levels[1:]]


def coverage_at(mask: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Averages masks (N, h2, w2) down to the grid of ``like`` (C, h, w)."""
    stride = mask.shape[-1] // like.shape[-1]
    return F.avg_pool2d(mask, stride) if stride > 1 else mask


def sum_weighted(views: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
    """Adds up the moments of several views."""
    total = views[0] * weights[0]
    for view, weight in zip(views[1:], weights[1:]):
        total = total + view * weight
    return total
