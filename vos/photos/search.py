"""One concept in one photo: its instances in the whole of it, and, where that leaves doubts, what is small in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vos.concept.concept import Concept
from vos.geometry import Geometry
from vos.photos.calibration import Calibration
from vos.photos.config import MethodConfig
from vos.photos.fine_search import FineSearch
from vos.photos.methods.base import FORBIDDEN_SHARE, Detection
from vos.photos.methods.registry import make_method
from vos.photos.presence import PresenceScore, PresenceScorer
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

MIN_INSTANCE_SHARE = 0.02  # components smaller than this share of the largest are specks, no instances
MIN_SCORE_SHARE = 0.6  # of the best instance's score, below which a further one is not believed
MAX_OVERLAP = 0.5  # an instance that lies in earlier ones by more than this is no new one
SURE = 0.5  # probability from which there is no finer search

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Found:
    """A mask that was found, how likely it is the concept, and the geometry of the embedding on which it lies."""

    detection: Detection
    score: PresenceScore
    geometry: Geometry


class Search:
    """Looks for one concept. What depends on the concept alone is computed once, here.

    Args:
        model: that searches.
        concept: to look for, made with this model or with another one.
        config: options of the method.
        calibration: of the model; None = scores are no probabilities, and there is no finer search.

    Raises:
        VosError: an unknown method, or the concept is of another model and holds no pictures.
    """

    def __init__(
        self, model: Segmenter, concept: Concept, config: MethodConfig, calibration: Calibration | None
    ) -> None:
        self.concept, self.config = concept.fitted(model), config
        self.method = make_method(model, self.concept, config)
        self.scorer = PresenceScorer(self.concept, model, calibration)
        self.fine = None if calibration is None else FineSearch(model, self.concept, self.scorer.pictures)

    def best(self, embedding: ImageEmbedding, rgb: Rgb) -> list[Found]:
        """Finds the best instance; see :meth:`all`."""
        detection = self.method.detect(embedding)
        found = Found(detection, self.scorer.score(embedding, detection, rgb), embedding.geometry)
        return self._or_small([found], rgb)

    def all(self, embedding: ImageEmbedding, rgb: Rgb, threshold: float) -> list[Found]:
        """Finds instances, best first: again and again, each time without the earlier ones; at least one.

        Args:
            embedding: of the photo.
            rgb: uint8 (H, W, 3), the photo.
            threshold: score below which an instance is not believed.
        """
        geometry, score = embedding.geometry, self.scorer.score
        detection = self.method.detect(embedding)
        accepted: list[Found] = []
        covered = torch.zeros(geometry.logit_size, dtype=torch.bool, device=detection.logits.device)
        while True:
            siblings = covered | (detection.logits > 0)
            parts = [Found(part, score(embedding, part, rgb, siblings), geometry) for part in components(detection)]
            best = max(one.score.value for one in [*accepted, *parts])
            least = max(threshold, MIN_SCORE_SHARE * best)
            fresh = [one for one in parts if one.score.value >= least and _is_new(one.detection, covered)]
            if not accepted and not fresh:
                return self._or_small([Found(detection, score(embedding, detection, rgb), geometry)], rgb)
            accepted += [replace(one, detection=_without(one.detection, covered)) for one in fresh]
            if not fresh or len(accepted) >= self.config.max_instances:
                break
            for one in fresh:
                covered |= one.detection.logits > 0
            detection = self.method.detect(embedding, geometry.logits_to_grid(covered.float() - 0.5) > FORBIDDEN_SHARE)
        ordered = sorted(accepted, key=lambda one: -one.score.value)
        return self._or_small(ordered[: self.config.max_instances], rgb)

    def _or_small(self, found: list[Found], rgb: Rgb) -> list[Found]:
        """Takes what the finer search finds in place of what is not sure, if that is more likely."""
        if self.fine is None or found[0].score.value >= SURE:
            return found
        embedding, detections = self.fine.detect(rgb)
        small = [
            Found(each, self.scorer.score(embedding, each, rgb, is_fine=True), embedding.geometry)
            for each in detections
        ]
        best = max([found[0], *small], key=lambda one: one.score.value)
        return found if best is found[0] else [best]


def components(detection: Detection) -> list[Detection]:
    """Splits a mask into its connected parts, largest first, specks left out: each may be an instance of its own."""
    mask = (detection.logits > 0).cpu().numpy().astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = {k: int(stats[k, cv2.CC_STAT_AREA]) for k in range(1, count)}
    if len(areas) < 2:
        return [detection]
    kept = [k for k, area in areas.items() if area >= MIN_INSTANCE_SHARE * max(areas.values())]
    parts = []
    for k in sorted(kept, key=lambda k: -areas[k]):
        others = torch.from_numpy((labels != k) & (labels > 0)).to(detection.logits.device)
        parts.append(replace(detection, logits=torch.where(others, -detection.logits, detection.logits)))
    return parts


def _is_new(detection: Detection, covered: torch.Tensor) -> bool:
    mask = detection.logits > 0
    return float((covered & mask).sum()) <= MAX_OVERLAP * float(mask.sum())


def _without(detection: Detection, covered: torch.Tensor) -> Detection:
    return replace(detection, logits=detection.logits.masked_fill(covered, -float(detection.logits.abs().max())))
