"""Is the concept there? The presence of a mask as a probability, or as a score where none was calibrated."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.concept.concept import Concept
from vos.geometry import covered_cells, mask_iou
from vos.persam.similarity import SimilarityScale, similarity
from vos.photos.calibration import Calibration, Evidence, FineEvidence, WholeEvidence
from vos.photos.close_up import look_closely
from vos.photos.methods.base import Detection
from vos.photos.reference_pictures import ReferencePictures, likeness, mean_feature, mean_features
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

DEFAULT_THRESHOLD = 0.4  # score at or above which the concept counts as present, where none was calibrated
Rgb = npt.NDArray[np.uint8]


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
        probability: that the concept is there; None where the model was not calibrated.
    """

    predicted_iou: float
    similarity: float
    vote_share: float
    recall: float
    unprompted: float | None = None
    probability: float | None = None

    @property
    def value(self) -> float:
        """Returns the probability; else joins the values to one score in [0, 1].

        The features under the mask and the mask that no point has talked into anything count the same. The square
        root brings their products back to the scale of their factors.
        """
        if self.probability is not None:
            return self.probability
        features = self.predicted_iou * self.similarity * self.vote_share * self.recall
        return math.sqrt(features if self.unprompted is None else (features + self.unprompted) / 2)


ABSENT = PresenceScore(0.0, 0.0, 0.0, 0.0)


class PresenceScorer:
    """Scores masks for one concept. What depends on the concept alone is computed once, here.

    Args:
        concept: that is looked for.
        model: the concept's.
        calibration: of the model; None = scores are no probabilities.
    """

    def __init__(self, concept: Concept, model: Segmenter, calibration: Calibration | None = None) -> None:
        target, device = concept.target(), model.device
        self.calibration = calibration
        self.pictures = ReferencePictures(model, concept)
        self.means = mean_features(concept).to(device)
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
        self,
        embedding: ImageEmbedding,
        detection: Detection,
        rgb: Rgb | None = None,
        siblings: torch.Tensor | None = None,
        is_fine: bool = False,
    ) -> PresenceScore:
        """Scores a found mask; all values are zero where it is empty.

        Args:
            embedding: of the photo, on which the mask is.
            detection: the mask.
            rgb: uint8 (H, W, 3), the photo; without it there is no probability.
            siblings: bool (h4, w4), other instances in the photo: a cell's best match may as well lie in one of them.
            is_fine: the mask is one of :class:`vos.photos.fine_search.FineSearch`.
        """
        score = self._values(embedding, detection, siblings)
        if self.calibration is None or rgb is None or score == ABSENT:
            return score
        evidence = self.fine_evidence if is_fine else self.evidence
        return replace(score, probability=self.calibration.probability(evidence(embedding, detection, rgb, siblings)))

    def evidence(
        self, embedding: ImageEmbedding, detection: Detection, rgb: Rgb, siblings: torch.Tensor | None = None
    ) -> Evidence:
        """Gathers what speaks for a mask that was found in the whole photo; see :meth:`score`."""
        alone, alone_iou = detection.unprompted or (detection.logits, detection.predicted_iou)
        mask = detection.logits > 0
        close = look_closely(self.pictures, rgb, detection.logits, embedding.geometry)
        return WholeEvidence(
            unprompted_iou=alone_iou,
            agreement=mask_iou(alone > 0, mask if siblings is None else mask | siblings),
            likeness=self._likeness(embedding, detection),
            close_iou=close.predicted_iou,
            close_agreement=close.agreement,
            close_likeness=close.likeness,
        )

    def fine_evidence(
        self, embedding: ImageEmbedding, detection: Detection, rgb: Rgb, siblings: torch.Tensor | None = None
    ) -> Evidence:
        """Gathers what speaks for a mask of the fine search; see :meth:`score`."""
        close = look_closely(self.pictures, rgb, detection.logits, embedding.geometry)
        return FineEvidence(
            predicted_iou=detection.predicted_iou,
            likeness=self._likeness(embedding, detection),
            close_iou=close.predicted_iou,
            close_agreement=close.agreement,
            close_likeness=close.likeness,
        )

    def _likeness(self, embedding: ImageEmbedding, detection: Detection) -> float:
        coverage = embedding.geometry.logits_to_grid(detection.logits)
        return likeness(mean_feature(embedding.features, coverage), self.means)

    def _values(self, embedding: ImageEmbedding, detection: Detection, siblings: torch.Tensor | None) -> PresenceScore:
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
