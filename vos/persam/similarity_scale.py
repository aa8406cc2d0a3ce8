"""How similar a reference is to itself: the yardstick for every later similarity of the object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vos.geometry import BACKGROUND_COVERAGE

MIN_CONTRAST = 0.05  # cosine between inside and outside, where the reference itself shows less


@dataclass(frozen=True, slots=True)
class SimilarityScale:
    """The scale on which 1 is the reference's own mask and 0 its surroundings.

    Cosines of one encoder are not comparable with another's, nor those of one object with another's.

    Attributes:
        inside: mean cosine over the reference's mask.
        outside: mean cosine over the rest of its image.
    """

    inside: float
    outside: float

    @classmethod
    def of_reference(cls, similarity: torch.Tensor, coverage: torch.Tensor) -> SimilarityScale:
        """Measures a reference on its own similarity map and coverage, both (h, w)."""
        inside = _mean(similarity, coverage)
        around = coverage < BACKGROUND_COVERAGE
        outside = float(similarity[around].mean()) if bool(around.any()) else inside - 1
        return cls(inside, min(outside, inside - MIN_CONTRAST))

    @classmethod
    def mean(cls, scales: Sequence[SimilarityScale]) -> SimilarityScale:
        """The scale of several references."""
        count = len(scales)
        return cls(sum(scale.inside for scale in scales) / count, sum(scale.outside for scale in scales) / count)

    def score(self, similarity: torch.Tensor, coverage: torch.Tensor) -> float:
        """Similarity of a mask, given as coverage (h, w), on this scale."""
        return (_mean(similarity, coverage) - self.outside) / (self.inside - self.outside)


def _mean(values: torch.Tensor, weight: torch.Tensor) -> float:
    return float((values * weight).sum() / weight.sum().clamp(min=1e-9))
