"""Is it there? What speaks for a mask being the concept, and the score that is made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from vos.persam.appearance import Appearance
from vos.persam.concept import Concept
from vos.persam.search import Found, coverage_on_grid, on_device
from vos.persam.similarity import similarity
from vos.structures import ImageEmbedding

DEFAULT_THRESHOLD = 0.5  # score at or above which the concept counts as present


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one found mask.

    Attributes:
        predicted_iou: in [0, 1], the model's own estimate.
        similarity: of the mask to the references: 1 = as alike as a reference itself, 0 = as its surroundings.
        contrast: mean over the mask of (best match in the object - best match in its background), a cosine difference.
        votes: share of the mask's cells that match the object better than its background.
        recall: share of the references' cells whose best match in the photo lies inside the mask (Matcher's
            bidirectional matching, turned round).
    """

    predicted_iou: float
    similarity: float
    contrast: float
    votes: float
    recall: float

    @property
    def score(self) -> float:
        """How likely it is that this is the concept, in [0, 1]; see ``benchmarks/photos.py`` for the calibration."""
        agreement = max(0.0, min(1.0, self.similarity)) * self.votes
        return math.sqrt(max(0.0, self.predicted_iou) * agreement)


NOTHING = Evidence(0.0, 0.0, 0.0, 0.0, 0.0)


class Judge:
    """Weighs the evidence for one concept. What depends on the concept alone is computed once, here."""

    def __init__(self, concept: Concept, device: torch.device) -> None:
        self.target = on_device(concept.target(), device)
        scales = [
            Appearance.of_reference(similarity(view.features, [concept.target()])[0], view.coverage)
            for view in concept.views
        ]
        self.appearance = Appearance(
            sum(scale.inside for scale in scales) / len(scales), sum(scale.outside for scale in scales) / len(scales)
        )

    @torch.no_grad()
    def weigh(self, embedding: ImageEmbedding, found: Found) -> Evidence:
        """The evidence for a found mask; all zero where it is empty."""
        coverage = coverage_on_grid(found.logits, embedding.geometry).flatten()
        if float(coverage.max()) <= 0:
            return NOTHING
        inside = coverage > min(0.5, 0.8 * float(coverage.max()))
        unit = F.normalize(embedding.features, dim=0).flatten(1)
        matches = self.target.foreground @ unit  # (K, cells)
        alike = matches.amax(dim=0)
        behind = (self.target.background @ unit).amax(dim=0) if len(self.target.background) else alike - 1
        contrast = (alike - behind)[inside]
        return Evidence(
            predicted_iou=found.predicted_iou,
            similarity=self.appearance.score(self.target.direction @ unit, coverage),
            contrast=float(contrast.mean()),
            votes=float((contrast > 0).float().mean()),
            recall=float(inside[matches.argmax(dim=1)].float().mean()),
        )
