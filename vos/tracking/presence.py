"""Is the object there? Predicted IoU, appearance and area decide together."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vos.config import PresenceConfig
from vos.persam.target import BACKGROUND_COVERAGE
from vos.structures import Presence

MIN_CONTRAST = 0.05  # cosine between inside and outside, where the reference itself shows less


@dataclass(frozen=True, slots=True)
class Appearance:
    """How similar the reference is to itself: the yardstick for every later similarity of this object.

    Cosines of one encoder are not comparable with another's, nor those of one object with another's; on this scale
    1 is the reference's own mask and 0 its surroundings.

    Attributes:
        inside: mean cosine over the reference's mask.
        outside: mean cosine over the rest of its image.
    """

    inside: float
    outside: float

    @classmethod
    def of_reference(cls, similarity: torch.Tensor, coverage: torch.Tensor) -> Appearance:
        """Measures a reference on its own similarity map and coverage, both (h, w)."""
        inside = _mean(similarity, coverage)
        around = coverage < BACKGROUND_COVERAGE
        outside = float(similarity[around].mean()) if bool(around.any()) else inside - 1
        return cls(inside, min(outside, inside - MIN_CONTRAST))

    def score(self, similarity: torch.Tensor, coverage: torch.Tensor) -> float:
        """Similarity of a mask, given as coverage (h, w), on this scale."""
        return (_mean(similarity, coverage) - self.outside) / (self.inside - self.outside)


def judge(
    config: PresenceConfig, predicted_iou: float, similarity: float, area: float, reference_area: float, lost: bool
) -> Presence:
    """Decides on one object.

    Args:
        config: thresholds.
        predicted_iou: of its mask.
        similarity: of its mask, from :meth:`Appearance.score`.
        area: of its mask, original pixels.
        reference_area: of its reference mask, original pixels.
        lost: it was searched in the whole frame, so there is no previous place that speaks for it.
    """
    if area <= 0 or area < min(config.min_area, reference_area / 4):
        return Presence.ABSENT
    if lost:
        found = predicted_iou >= config.found_iou and similarity >= config.found_similarity
        return Presence.PRESENT if found else Presence.ABSENT
    if predicted_iou < config.absent_iou or similarity < config.absent_similarity:
        return Presence.ABSENT
    return Presence.PRESENT if predicted_iou >= config.present_iou else Presence.UNCERTAIN


def _mean(values: torch.Tensor, weight: torch.Tensor) -> float:
    return float((values * weight).sum() / weight.sum().clamp(min=1e-9))
