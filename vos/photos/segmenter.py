"""One photo, any number of concepts: where is each of them, and is it there at all?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vos.concept.concept import Concept
from vos.concept.reference_view import Photo, as_rgb
from vos.errors import VosError
from vos.geometry import Geometry, mask_box
from vos.persam.suited import chosen, suited
from vos.photos.config import MethodConfig
from vos.photos.crop_refinement import RefinedCrop, refine_crop
from vos.photos.methods.base import FORBIDDEN_SHARE, Detection, PhotoMethod
from vos.photos.methods.registry import make_method
from vos.photos.presence import DEFAULT_THRESHOLD, PresenceScore, PresenceScorer
from vos.photos.result import Instance, PhotoResult
from vos.sam.registry import cached_model
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, Presence

INSTANCES = ("one", "all")
MIN_INSTANCE_SHARE = 0.02  # components smaller than this share of the largest are specks, no instances
MIN_SCORE_SHARE = 0.6  # of the best instance's score, below which a further one is not believed
MAX_OVERLAP = 0.5  # an instance that lies in earlier ones by more than this is no new one


def segment(
    image: Photo,
    concept: Concept | str | Path,
    *,
    method: str | MethodConfig | None = None,
    model: Segmenter | None = None,
    threshold: float | None = None,
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
        model: that made the concept; None loads it by the concept's model name, once per process.
        threshold: score in [0, 1] below which the concept counts as absent; None = the calibrated default, 0 = never.
        instances: "one" or "all" objects of this kind.

    Raises:
        VosError: the photo or the concept cannot be read, an option is unknown, or the concept belongs to another
                model.
    """
    if isinstance(concept, (str, Path)):
        concept = Concept.load(concept)
    if not isinstance(concept, Concept):
        raise VosError(f"a {type(concept).__name__} is no concept; give one of vos.Concept.from_image, or its file")
    model = cached_model(concept.model_name) if model is None else model
    return PhotoSegmenter(model, method, threshold, instances).segment(as_rgb(image), [concept])[0]


class PhotoSegmenter:
    """Searches photos for concepts with one model and method. Holds what depends on the concepts alone.

    Args:
        model: that made the concepts.
        method: its name or its options; None = the default.
        threshold: see :func:`segment`.
        instances: see :func:`segment`.

    Raises:
        VosError: an unknown option or value.
    """

    def __init__(
        self,
        model: Segmenter,
        method: str | MethodConfig | None = None,
        threshold: float | None = None,
        instances: str = "one",
    ) -> None:
        if instances not in INSTANCES:
            raise VosError(f"instances={instances} is unknown; choose one or all")
        if threshold is not None and not 0 <= threshold <= 1:
            raise VosError(f"threshold={threshold} is out of range; scores are from 0 to 1")
        config = MethodConfig() if method is None else method
        self.config = MethodConfig(name=config) if isinstance(config, str) else config
        self.model, self.instances = model, instances
        published = self.config.name == "persam_published"  # which knows no absence
        self.threshold = threshold if threshold is not None else (0.0 if published else DEFAULT_THRESHOLD)
        self._prepared: dict[Concept, tuple[PhotoMethod, PresenceScorer]] = {}

    def segment(self, rgb: npt.NDArray[np.uint8], concepts: Sequence[Concept]) -> list[PhotoResult]:
        """Finds each concept in one photo, which is encoded once.

        Args:
            rgb: uint8 (H, W, 3).
            concepts: made with this model. Where two of them claim a pixel, the surer one has it.

        Returns:
            One result per concept, in their order.
        """
        for concept in concepts:
            self._prepare(concept)
        return self.segment_embedding(self.model.encode([rgb])[0], concepts, rgb)

    def segment_embedding(
        self, embedding: ImageEmbedding, concepts: Sequence[Concept], rgb: npt.NDArray[np.uint8] | None = None
    ) -> list[PhotoResult]:
        """Finds each concept in a photo that is encoded already; without ``rgb`` no crop is refined."""
        for concept in concepts:
            concept.check_model(self.model, embedding)
        drawn = [
            [
                draw(one, score, embedding.geometry, self._refined(rgb, one, score, embedding.geometry))
                for one, score in self._instances(embedding, *self._prepare(concept))
            ]
            for concept in concepts
        ]
        sure = [one for own in drawn for one in own if one.score >= self.threshold]
        exclusive = {id(before): after for before, after in zip(sure, without_overlap(sure))}
        drawn = [[exclusive.get(id(one), one) for one in own] for own in drawn]
        return [self._result(concept, own, embedding.geometry) for concept, own in zip(concepts, drawn)]

    def _prepare(self, concept: Concept) -> tuple[PhotoMethod, PresenceScorer]:
        if concept not in self._prepared:
            method = make_method(self.model, concept, self.config)
            self._prepared[concept] = method, PresenceScorer(concept, self.model.device)
        return self._prepared[concept]

    def _instances(
        self, embedding: ImageEmbedding, method: PhotoMethod, scorer: PresenceScorer
    ) -> list[tuple[Detection, PresenceScore]]:
        """Detects instances, best first; with ``instances="all"`` again and again without the earlier ones."""
        geometry = embedding.geometry
        detection = method.detect(embedding)
        if self.instances == "one":
            return [(detection, scorer.score(embedding, detection))]
        accepted: list[tuple[Detection, PresenceScore]] = []
        covered = torch.zeros(geometry.logit_size, dtype=torch.bool, device=detection.logits.device)
        while True:
            siblings = covered | (detection.logits > 0)
            parts = [(part, scorer.score(embedding, part, siblings)) for part in components(detection)]
            best = max(score.value for _, score in [*accepted, *parts])
            least = max(self.threshold, MIN_SCORE_SHARE * best)
            fresh = [
                (part, score)
                for part, score in parts
                if score.value >= least and float((covered & (part.logits > 0)).sum()) <= MAX_OVERLAP * _size(part)
            ]
            if not accepted and not fresh:
                return [(detection, scorer.score(embedding, detection))]
            accepted += [
                (replace(part, logits=part.logits.masked_fill(covered, -float(part.logits.abs().max()))), score)
                for part, score in fresh
            ]
            if not fresh or len(accepted) >= self.config.max_instances:
                break
            for part, _ in fresh:
                covered |= part.logits > 0
            detection = method.detect(embedding, geometry.logits_to_grid(covered.float() - 0.5) > FORBIDDEN_SHARE)
        return sorted(accepted, key=lambda one: -one[1].value)[: self.config.max_instances]

    def _refined(
        self, rgb: npt.NDArray[np.uint8] | None, detection: Detection, score: PresenceScore, geometry: Geometry
    ) -> RefinedCrop | None:
        suits = suited(self.model, f"method={self.config.name}").crop_refinement
        wanted = chosen(self.config.crop_refinement, suits) and self.config.name != "persam_published"
        if rgb is None or not wanted or score.value < self.threshold:
            return None
        return refine_crop(self.model, rgb, detection, geometry)

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


def _size(detection: Detection) -> float:
    return float((detection.logits > 0).sum())


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
