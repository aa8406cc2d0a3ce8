"""Parts of an object: clusters of its features, and how unlike two sets of features are."""

from __future__ import annotations

import torch
import torch.nn.functional as F

ROUNDS = 20  # of k-means
SLICES, QUANTILES = 64, 64


def cluster(features: torch.Tensor, count: int) -> torch.Tensor:
    """Spherical k-means, deterministic: begins with the cell nearest to the mean, then always the farthest cell.

    Args:
        features: float (K, C), unit vectors, K >= ``count`` >= 1.
        count: number of parts.

    Returns:
        float (count, C), unit directions of the parts; some may be equal where there are fewer different features.
    """
    mean = F.normalize(features.mean(dim=0), dim=0)
    if count == 1:
        return mean[None]
    seeds = [int((features @ mean).argmax())]
    nearest = features @ features[seeds[0]]
    while len(seeds) < count:
        seeds.append(int(nearest.argmin()))
        nearest = torch.maximum(nearest, features @ features[seeds[-1]])
    centres = features[seeds]
    for _ in range(ROUNDS):
        nearest_centre = (features @ centres.T).argmax(dim=1)
        sums = torch.zeros_like(centres).index_add_(0, nearest_centre, features)
        occupied = torch.bincount(nearest_centre, minlength=count) > 0
        moved = torch.where(occupied[:, None], F.normalize(sums, dim=1), centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres


class FeatureDistribution:
    """How a set of features is distributed, for distances to other sets.

    Sliced Wasserstein distance (Bonneel et al., 2015): both sets are projected on the same seeded random directions;
    along each, the distance of two one-dimensional distributions is that of their quantiles.

    Args:
        features: float (K, C), K >= 1.
    """

    def __init__(self, features: torch.Tensor) -> None:
        generator = torch.Generator().manual_seed(0)
        slices = F.normalize(torch.randn(features.shape[1], SLICES, generator=generator), dim=0)
        self._slices = slices.to(features)
        self._levels = ((torch.arange(QUANTILES) + 0.5) / QUANTILES).to(features)
        self._quantiles = self._project(features)

    def distance(self, features: torch.Tensor) -> float:
        """To another set (L, C), L >= 1; 0 for equal distributions."""
        return float((self._project(features) - self._quantiles).abs().mean())

    def _project(self, features: torch.Tensor) -> torch.Tensor:
        return torch.quantile((features @ self._slices).float(), self._levels.float(), dim=0)
