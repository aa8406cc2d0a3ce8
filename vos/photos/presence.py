"""Is the concept there? The presence score of a mask, and the values that make it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from vos.concept.concept import Concept
from vos.geometry import covered_cells
from vos.persam.similarity import SimilarityScale, similarity
from vos.photos.methods.base import Detection
from vos.structures import ImageEmbedding

DEFAULT_THRESHOLD = 0.4  # score at or above which the concept counts as present; benchmarks/photos.py calibrates it


@dataclass(frozen=True, slots=True)
class PresenceScore:
    """How likely it is that one found mask is the concept. Each value is from 0 to 1.

    Attributes:
        predicted_iou: the model's own estimate of the mask.
        similarity: of the mask to the references: 1 = as alike as a reference itself, 0 = as its surroundings.
        vote_share: share of the mask's cells that match the object better than its background.
        recall: share of the references' cells whose best match in the photo lies inside the mask (Matcher's
            bidirectional matching, turned round).
        unprompted: predicted IoU x similarity of ``Detection.unprompted``; None from a decoder that has no such mask.
    """

    predicted_iou: float
    similarity: float
    vote_share: float
    recall: float
    unprompted: float | None = None

    @property
    def value(self) -> float:
        """Joins the values to one score in [0, 1].

        The features under the mask and the mask that no point has talked into anything count the same. The square
        root brings their products back to the scale of their factors.
        """
        features = self.predicted_iou * self.similarity * self.vote_share * self.recall
        return math.sqrt(features if self.unprompted is None else (features + self.unprompted) / 2)


ABSENT = PresenceScore(0.0, 0.0, 0.0, 0.0)


class PresenceScorer:
    """Scores masks for one concept. What depends on the concept alone is computed once, here."""

    def __init__(self, concept: Concept, device: torch.device) -> None:
        target = concept.target()
        self.direction = target.direction.to(device)
        self.foreground, self.background = target.foreground.to(device), target.background.to(device)
        self.similarity_scale = SimilarityScale.mean(
            [
                SimilarityScale.of_reference(similarity(view.features, [target])[0], view.coverage)
                for view in concept.views
            ]
        )

    @torch.no_grad()
    def score(
        self, embedding: ImageEmbedding, detection: Detection, siblings: torch.Tensor | None = None
    ) -> PresenceScore:
        """Scores a found mask; all values are zero where it is empty.

        Args:
            embedding: of the photo.
            detection: the mask.
            siblings: bool (h4, w4), other instances in the photo: a cell's best match may as well lie in one of them.
        """
        coverage = embedding.geometry.logits_to_grid(detection.logits)
        if float(coverage.max()) <= 0:
            return ABSENT
        cells = F.normalize(embedding.features, dim=0)
        inside = covered_cells(coverage)
        matches = self.foreground @ cells.flatten(1)  # (K, h * w)
        to_object = matches.amax(dim=0)[inside.flatten()]
        matched = inside
        if siblings is not None:
            matched = inside | (embedding.geometry.logits_to_grid(siblings.float() - 0.5) > 0.5)
        vote_share = 1.0
        if len(self.background):
            vote_share = float((to_object > (self.background @ cells[:, inside]).amax(dim=0)).float().mean())
        return PresenceScore(
            predicted_iou=detection.predicted_iou,
            similarity=self._similarity(cells, coverage),
            vote_share=vote_share,
            recall=float(matched.flatten()[matches.argmax(dim=1)].float().mean()),
            unprompted=self._unprompted(cells, embedding, detection.unprompted),
        )

    def _unprompted(
        self, cells: torch.Tensor, embedding: ImageEmbedding, unprompted: tuple[torch.Tensor, float] | None
    ) -> float | None:
        if unprompted is None:
            return None
        logits, predicted_iou = unprompted
        coverage = embedding.geometry.logits_to_grid(logits)
        return predicted_iou * self._similarity(cells, coverage) if float(coverage.max()) > 0 else 0.0

    def _similarity(self, cells: torch.Tensor, coverage: torch.Tensor) -> float:
        alike = torch.einsum("c,chw->hw", self.direction, cells)
        return min(1.0, max(0.0, self.similarity_scale.score(alike, coverage)))
