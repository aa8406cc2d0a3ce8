"""How much each cell of an image looks like the object: the cosine maps that steer the decoder, and their scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from vos.geometry import BACKGROUND_COVERAGE
from vos.persam.window import Window
from vos.sam.device import has_bfloat16
from vos.structures import TargetFeature

CACHED_PRODUCTS = 1 << 19  # of a part of a bank with all cells: they stay in the processor's cache
ROUND = 128  # cells; in bfloat16 oneDNN makes ready, and keeps, what each size of product needs, so few are best
MIN_CONTRAST = 0.05  # cosine between inside and outside, where the reference itself shows less


def similarity(features: torch.Tensor, targets: Sequence[TargetFeature]) -> torch.Tensor:
    """Computes the cosine of every cell with every object's direction (PerSAM's confidence map S).

    Args:
        features: float (C, h, w) on the embedding grid.
        targets: N objects.

    Returns:
        float (N, h, w) in [-1, 1].
    """
    directions = torch.stack([target.direction for target in targets])
    return torch.einsum("nc,chw->nhw", directions, F.normalize(features, dim=0))


def best_match(bank: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
    """Finds the largest cosine of each of P cells with any cell of a bank.

    Without gradients on a CPU that has bfloat16 in hardware the products are taken in it: faster, with its rounding.

    Args:
        bank: float (K, C), unit vectors, K >= 1.
        unit: float (C, P), unit vectors.

    Returns:
        float (P,) in [-1, 1].
    """
    if torch.is_grad_enabled():
        return (bank.to(unit.dtype) @ unit).amax(dim=0)
    count, bank, unit = unit.shape[1], matchable(bank), matchable(unit)
    step = ROUND if bank.dtype == torch.bfloat16 else 1
    unit = F.pad(unit, (0, -count % step))
    best = unit.new_full(unit.shape[1:], -torch.inf)
    for part in bank.split(max(step, CACHED_PRODUCTS // max(1, unit.shape[1]) // step * step)):
        if short := -len(part) % step:  # the last one: the best of more of the same is the same
            part = torch.cat([part, part[:1].expand(short, -1)])
        best = torch.maximum(best, (part @ unit).amax(dim=0))
    return best[:count].float()


def matchable(vectors: torch.Tensor) -> torch.Tensor:
    """Puts unit vectors into the precision in which they are matched fastest without gradients."""
    return vectors.bfloat16() if vectors.device.type == "cpu" and has_bfloat16() else vectors


def similarity_maps(features: torch.Tensor, targets: Sequence[TargetFeature]) -> torch.Tensor:
    """Computes the five maps of :class:`vos.sam.prompting.Guidance`, differentiable in features and targets.

    Besides the mean direction, the best match among single cells (as in feature-matching VOS) keeps objects of
    several colours whole; the matches in the background tell a look-alike from the object.

    Args:
        features: float (C, h, w) on the embedding grid.
        targets: N objects.

    Returns:
        float (N, 5, h, w) in [-1, 1], the last one in [-2, 2].
    """
    whole = Window(0, features.shape[1], 0, features.shape[2])
    return torch.stack(similarity_maps_in(features, targets, [whole] * len(targets)))


def similarity_maps_in(
    features: torch.Tensor, targets: Sequence[TargetFeature], windows: Sequence[Window]
) -> list[torch.Tensor]:
    """Computes :func:`similarity_maps`, but each object's in its own window: N maps (5, h', w')."""
    unit = F.normalize(features, dim=0)
    means = [target.direction for target in targets] + [target.background_direction for target in targets]
    to_means = torch.einsum("nc,chw->nhw", torch.stack(means), unit)
    cells = unit if torch.is_grad_enabled() else matchable(unit)
    maps = []
    for target, window, *to_mean in zip(targets, windows, to_means, to_means[len(targets) :]):
        rows, columns = window.slices()
        to_object, to_background = (each[rows, columns] for each in to_mean)
        own = cells[:, rows, columns].flatten(1)
        best_object = best_match(target.foreground, own).view_as(to_object)
        if len(target.background):
            best_background = best_match(target.background, own).view_as(to_object)
        else:  # the object fills its reference image
            best_background = torch.full_like(to_object, -1.0)
        maps.append(
            torch.stack([to_object, best_object, best_background, to_background, best_object - best_background])
        )
    return maps


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
        """Averages the scales of several references."""
        count = len(scales)
        return cls(sum(scale.inside for scale in scales) / count, sum(scale.outside for scale in scales) / count)

    def score(self, similarity: torch.Tensor, coverage: torch.Tensor) -> float:
        """Measures the similarity of a mask, given as coverage (h, w), on this scale."""
        return (_mean(similarity, coverage) - self.outside) / (self.inside - self.outside)


def _mean(values: torch.Tensor, weight: torch.Tensor) -> float:
    return float((values * weight).sum() / weight.sum().clamp(min=1e-9))
