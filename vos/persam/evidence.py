"""Is it there? What speaks for a mask being the concept, and the score that is made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from vos.persam.appearance import Appearance
from vos.persam.concept import Concept
from vos.persam.search import Found, coverage_on_grid
from vos.persam.similarity import similarity
from vos.structures import ImageEmbedding

DEFAULT_THRESHOLD = 0.25  # score at or above which the concept counts as present; benchmarks/photos.py calibrates it


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one found mask.

    Attributes:
        predicted_iou: in [0, 1], the model's own estimate of the mask.
        confidence: in [0, 1], that the object is there: the predicted IoU of the answer to appearance alone
            (``Found.unprompted``). From a decoder that has none, the predicted IoU times the share of the mask's cells
            that look more like the object than like its background.
        similarity: of the mask to the references: 1 = as alike as a reference itself, 0 = as its surroundings.
    """

    predicted_iou: float
    confidence: float
    similarity: float

    @property
    def score(self) -> float:
        """How likely it is that this is the concept, in [0, 1]: the model has to be sure, and the mask alike."""
        return math.sqrt(max(0.0, self.confidence) * min(1.0, max(0.0, self.similarity)))


NOTHING = Evidence(0.0, 0.0, 0.0)


class Judge:
    """Weighs the evidence for one concept. What depends on the concept alone is computed once, here."""

    def __init__(self, concept: Concept, device: torch.device) -> None:
        target = concept.target()
        self.direction = target.direction.to(device)
        self.foreground, self.background = target.foreground.to(device), target.background.to(device)
        self.appearance = Appearance.mean(
            [Appearance.of_reference(similarity(view.features, [target])[0], view.coverage) for view in concept.views]
        )

    @torch.no_grad()
    def weigh(self, embedding: ImageEmbedding, found: Found) -> Evidence:
        """The evidence for a found mask; all zero where it is empty."""
        cells = F.normalize(embedding.features, dim=0)
        alike = torch.einsum("c,chw->hw", self.direction, cells)
        masks = [found.logits] if found.unprompted is None else [found.logits, found.unprompted[0]]
        coverages = [coverage_on_grid(mask, embedding.geometry) for mask in masks]
        if any(float(coverage.max()) <= 0 for coverage in coverages):
            return NOTHING
        return Evidence(
            predicted_iou=found.predicted_iou,
            confidence=found.unprompted[1]
            if found.unprompted
            else found.predicted_iou * self._votes(cells, coverages[0]),
            similarity=min(self.appearance.score(alike, coverage) for coverage in coverages),
        )

    def _votes(self, cells: torch.Tensor, coverage: torch.Tensor) -> float:
        """Share of the covered cells of an image (C, h, w) that match the object better than its background."""
        if not len(self.background):
            return 1.0
        inside = cells[:, coverage > min(0.5, 0.8 * float(coverage.max()))]
        to_object, to_background = ((side @ inside).amax(dim=0) for side in (self.foreground, self.background))
        return float((to_object > to_background).float().mean())
