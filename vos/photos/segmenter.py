"""One photo, any number of concepts: where is each of them, and is it there at all?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from vos.concept.concept import Concept
from vos.concept.reference_view import Photo, as_rgb
from vos.errors import VosError
from vos.geometry import Geometry, mask_box
from vos.persam.suited import chosen, suited
from vos.photos.calibration import MAX_FALSE_ALARMS, calibration_of
from vos.photos.config import MethodConfig
from vos.photos.crop_refinement import RefinedCrop, refine_crop
from vos.photos.methods.base import Detection
from vos.photos.presence import DEFAULT_THRESHOLD, PresenceScore
from vos.photos.result import Instance, PhotoResult
from vos.photos.search import Found, Search
from vos.sam.registry import cached_model
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, Presence

INSTANCES = ("one", "all")


def segment(
    image: Photo,
    concept: Concept | str | Path,
    *,
    method: str | MethodConfig | None = None,
    model: Segmenter | None = None,
    threshold: float | None = None,
    max_false_alarms: float | None = None,
    instances: str = "one",
) -> PhotoResult:
    """Finds a concept in a photo.

        concept = vos.Concept.from_image("rex.jpg", "rex_mask.png")
        result = vos.segment("holiday.jpg", concept)

    For an album keep a :class:`PhotoSegmenter`: it computes what depends on the concept alone only once.

    Args:
        image: a file, or uint8 (H, W, 3) RGB.
        concept: to look for, or its file.
        method: persam, persam_f, p2sam or persam_published, or all of its options; None = the default.
        model: that is to search; None loads the one that made the concept, once per process.
        threshold: score in [0, 1] below which the concept counts as absent; None = what ``max_false_alarms`` asks for,
            0 = never.
        max_false_alarms: share of the photos without the concept in which it may be seen; None = 0.02. Only of models
            whose scores are probabilities.
        instances: "one" or "all" objects of this kind.

    Raises:
        VosError: the photo or the concept cannot be read, an option is unknown, or the concept is of another model and
            holds no pictures.
    """
    if isinstance(concept, (str, Path)):
        concept = Concept.load(concept)
    if not isinstance(concept, Concept):
        raise VosError(f"a {type(concept).__name__} is no concept; give one of vos.Concept.from_image, or its file")
    model = cached_model(concept.model_name) if model is None else model
    segmenter = PhotoSegmenter(model, method, threshold, instances, max_false_alarms)
    return segmenter.segment(as_rgb(image), [concept])[0]


class PhotoSegmenter:
    """Searches photos for concepts with one model and method. Holds what depends on the concepts alone.

    Args:
        model: that made the concepts, or is to see them anew.
        method: its name or its options; None = the default.
        threshold: see :func:`segment`.
        instances: see :func:`segment`.
        max_false_alarms: see :func:`segment`.

    Attributes:
        calibration: makes probabilities of scores; None for a model, or a method, for which there is none.

    Raises:
        VosError: an unknown option or value.
    """

    def __init__(
        self,
        model: Segmenter,
        method: str | MethodConfig | None = None,
        threshold: float | None = None,
        instances: str = "one",
        max_false_alarms: float | None = None,
    ) -> None:
        if instances not in INSTANCES:
            raise VosError(f"instances={instances} is unknown; choose one or all")
        if threshold is not None and not 0 <= threshold <= 1:
            raise VosError(f"threshold={threshold} is out of range; scores are from 0 to 1")
        config = MethodConfig() if method is None else method
        self.config = MethodConfig(name=config) if isinstance(config, str) else config
        self.model, self.instances = model, instances
        published = self.config.name == "persam_published"  # which knows no absence
        self.calibration = None if published else calibration_of(model)
        self.threshold = self._threshold(published, threshold, max_false_alarms)
        self._prepared: dict[Concept, Search] = {}

    def _threshold(self, published: bool, threshold: float | None, max_false_alarms: float | None) -> float:
        if max_false_alarms is not None and not 0 < max_false_alarms < 1:
            raise VosError(f"max_false_alarms={max_false_alarms} is out of range; give a share such as 0.02")
        if threshold is None and self.calibration is not None:
            return self.calibration.threshold(MAX_FALSE_ALARMS if max_false_alarms is None else max_false_alarms)
        if max_false_alarms is not None:
            why = "threshold= is given" if threshold is not None else f"{self.model.name} was not calibrated for it"
            raise VosError(
                f"max_false_alarms={max_false_alarms} has no effect: {why}; give one of the two, or threshold="
            )
        return threshold if threshold is not None else (0.0 if published else DEFAULT_THRESHOLD)

    def segment(self, rgb: npt.NDArray[np.uint8], concepts: Sequence[Concept]) -> list[PhotoResult]:
        """Finds each concept in one photo, which is encoded once.

        Args:
            rgb: uint8 (H, W, 3).
            concepts: what to look for. Where two of them claim a pixel, the surer one has it.

        Returns:
            One result per concept, in their order.
        """
        for concept in concepts:
            self._prepare(concept)
        return self.segment_embedding(self.model.encode([rgb])[0], concepts, rgb)

    def segment_embedding(
        self, embedding: ImageEmbedding, concepts: Sequence[Concept], rgb: npt.NDArray[np.uint8]
    ) -> list[PhotoResult]:
        """Finds each concept in a photo ``rgb`` that is encoded already."""
        for concept in concepts:
            self._prepare(concept).concept.check_features(embedding)
        drawn = [
            [
                draw(one.detection, one.score, one.geometry, self._refined(rgb, one))
                for one in self._find(embedding, self._prepare(concept), rgb)
            ]
            for concept in concepts
        ]
        sure = [one for own in drawn for one in own if one.score >= self.threshold]
        exclusive = {id(before): after for before, after in zip(sure, without_overlap(sure))}
        drawn = [[exclusive.get(id(one), one) for one in own] for own in drawn]
        return [self._result(concept, own, embedding.geometry) for concept, own in zip(concepts, drawn)]

    def _prepare(self, concept: Concept) -> Search:
        if concept not in self._prepared:
            self._prepared[concept] = Search(self.model, concept, self.config, self.calibration)
        return self._prepared[concept]

    def _find(self, embedding: ImageEmbedding, search: Search, rgb: npt.NDArray[np.uint8]) -> list[Found]:
        one = self.instances == "one"
        return search.best(embedding, rgb) if one else search.all(embedding, rgb, self.threshold)

    def _refined(self, rgb: npt.NDArray[np.uint8], found: Found) -> RefinedCrop | None:
        suits = suited(self.model, f"method={self.config.name}").crop_refinement
        wanted = chosen(self.config.crop_refinement, suits) and self.config.name != "persam_published"
        if not wanted or found.score.value < self.threshold:
            return None
        return refine_crop(self.model, rgb, found.detection, found.geometry)

    def _result(self, concept: Concept, drawn: list[Instance], geometry: Geometry) -> PhotoResult:
        present = tuple(one for one in drawn if one.score >= self.threshold and one.box is not None)
        if present:
            mask = np.logical_or.reduce([one.mask for one in present])
            alpha = np.maximum.reduce([one.alpha for one in present])
            return PhotoResult(concept.name, Presence.PRESENT, present[0].score, mask, alpha, mask_box(mask), present)
        nothing = np.zeros(geometry.original_size, dtype=np.bool_)
        best = max(drawn, key=lambda one: one.score, default=None)
        return PhotoResult(
            concept.name, Presence.ABSENT, best.score if best else 0.0, nothing, nothing.astype(np.uint8), None, (),
            best if best is not None and best.box is not None else None,
        )  # fmt: skip


def without_overlap(instances: Sequence[Instance]) -> list[Instance]:
    """Gives each pixel that several masks claim to the one with the highest alpha, the first among equals."""
    if len(instances) < 2:
        return list(instances)
    best = np.maximum.reduce([one.alpha for one in instances])
    free = np.ones(best.shape, dtype=np.bool_)
    result = []
    for one in instances:
        own = one.mask & free & (one.alpha == best)
        free &= ~own
        lost = one.mask & ~own
        alpha = np.where(lost, np.minimum(one.alpha, 255 - best), one.alpha)
        result.append(replace(one, mask=own, alpha=alpha, box=mask_box(own)) if lost.any() else one)
    return result


def draw(detection: Detection, score: PresenceScore, geometry: Geometry, crop: RefinedCrop | None) -> Instance:
    """Draws a found mask in original pixels."""
    if crop is None:
        mask, alpha = _pixels(detection.logits, geometry)
    else:
        part, soft = _pixels(crop.logits, crop.geometry)
        mask = np.zeros(geometry.original_size, dtype=np.bool_)
        alpha = np.zeros(geometry.original_size, dtype=np.uint8)
        area = slice(crop.y, crop.y + part.shape[0]), slice(crop.x, crop.x + part.shape[1])
        mask[area], alpha[area] = part, soft
    return Instance(
        mask=mask,
        alpha=alpha,
        score=score.value,
        predicted_iou=score.predicted_iou,
        similarity=score.similarity,
        box=mask_box(mask),
        points=detection.prompt.points,
        labels=detection.prompt.labels,
    )


def _pixels(logits: torch.Tensor, geometry: Geometry) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint8]]:
    """Brings low-res logits (h4, w4) to mask and alpha in original pixels."""
    full = geometry.logits_to_original(logits[None, None].float())[0, 0]
    mask = (full > 0).cpu().numpy()
    return mask, (full.sigmoid_() * 255 + 0.5).to(torch.uint8).cpu().numpy()
