"""``method=p2sam``: part-aware points (Zhao et al., "Part-aware Personalized Segment Anything Model", 2024)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from vos.concept.concept import Concept
from vos.geometry import covered_cells
from vos.persam.cascade import refine
from vos.persam.location_prior import locate, peak_points
from vos.photos.config import MethodConfig
from vos.photos.methods.base import Detection, PhotoMethod
from vos.sam.prompting import Guidance, MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

BACKGROUND_PARTS = 8
ROUNDS = 20  # of k-means
SLICES, QUANTILES = 64, 64  # of the sliced Wasserstein distance
QUALITY_SHARE = 2.0  # of the predicted IoU against the distance, when the best of the masks is chosen


class P2SamMethod(PhotoMethod):
    """One positive point per part of the object, negatives where the reference's background is; training-free.

    The object is split into k = 1..``parts`` parts; each k gives a mask, all of them in one decoder batch, and the
    mask whose features are distributed most like the reference's (sliced Wasserstein distance) and whose predicted
    IoU is high is the result. A decoder that reads similarity maps is also called without any point.
    """

    def __init__(self, model: Segmenter, concept: Concept, config: MethodConfig) -> None:
        super().__init__(model, concept, config)
        self.target = concept.target("max_mean" if self.reads_maps else "mean").to(model.device)
        foreground, background = self.target.foreground, self.target.background
        most = max(1, min(config.parts, len(foreground)))
        self.splits = [cluster(foreground, k) for k in range(1, most + 1)]
        self.background = cluster(background, min(BACKGROUND_PARTS, len(background))) if len(background) else None
        self.reference = FeatureDistribution(foreground)
        # The unit of distances: how unlike the object its own surroundings are.
        self.distance_unit = max(self.reference.distance(background), 1e-3) if len(background) else 1.0

    @torch.no_grad()
    def detect(self, embedding: ImageEmbedding, forbidden: torch.Tensor | None = None) -> Detection:
        """Detects as :meth:`PhotoMethod.detect` says."""
        prior = locate(embedding, [self.target], self.fields).without(forbidden)
        prompts = self._prompts(embedding, prior.similarity[0], forbidden)
        if self.reads_maps:
            prompts.append(Prompt.empty())
        guidance = _repeated(prior.guidance, len(prompts)) if self.config.guidance else None
        first = self.model.decode(embedding, prompts, guidance, multimask=False)
        candidates = refine(self.model, embedding, prompts, first, self.refine_steps)
        best = self._best(embedding, candidates)
        return Detection.of(candidates, best, prompts[best], first if self.reads_maps else None, len(prompts) - 1)

    def _prompts(
        self, embedding: ImageEmbedding, similar: torch.Tensor, forbidden: torch.Tensor | None
    ) -> list[Prompt]:
        """Makes one prompt per k."""
        geometry = embedding.geometry
        unit = F.normalize(embedding.features, dim=0)
        # A cell that looks more like a part of the background than like any part of the object is no positive.
        behind = (
            torch.einsum("kc,chw->khw", self.background, unit).amax(dim=0)
            if self.background is not None
            else torch.full_like(similar, -1.0)
        )
        negative = peak_points((behind - similar)[None], geometry, 1)[0]
        prompts = []
        for parts in self.splits:
            maps = torch.einsum("kc,chw->khw", parts, unit)
            maps = torch.where(maps >= behind, maps, maps - 2)  # below all others, yet there is always a best one
            if forbidden is not None:
                maps = maps.masked_fill(forbidden.to(maps.device), -4.0)
            points = np.unique(np.concatenate(peak_points(maps, geometry, 1)), axis=0)
            prompts.append(Prompt.from_points(points, negative))
        return prompts

    def _best(self, embedding: ImageEmbedding, candidates: MaskCandidates) -> int:
        """Chooses the mask whose features are distributed most like the reference's, and that is drawn well."""
        cells = F.normalize(embedding.features, dim=0).flatten(1).T
        ratings = []
        for logits, quality in zip(candidates.logits[:, 0], candidates.predicted_iou[:, 0]):
            coverage = embedding.geometry.logits_to_grid(logits).flatten()
            inside = covered_cells(coverage)
            distance = self.reference.distance(cells[inside]) if bool(inside.any()) else float("inf")
            ratings.append(QUALITY_SHARE * float(quality) - distance / self.distance_unit)
        return int(np.argmax(ratings))


def _repeated(guidance: Guidance, count: int) -> Guidance:
    """Repeats the guidance of one object for ``count`` prompts."""
    return guidance.map(lambda value: value.expand(count, *value.shape[1:]))


def cluster(features: torch.Tensor, count: int) -> torch.Tensor:
    """Clusters by spherical k-means, deterministic: it begins at the cell nearest to the mean, then the farthest ones.

    Args:
        features: float (K, C), unit vectors, K >= ``count`` >= 1.
        count: number of parts.

    Returns:
        float (count, C), unit directions of the parts; some may be equal where there are fewer different features.
    """
    mean = F.normalize(features.mean(dim=0), dim=0)
    if count == 1:
        return mean[None]
    seeds = [int((features @ mean).argmax())]
    nearest = features @ features[seeds[0]]
    while len(seeds) < count:
        seeds.append(int(nearest.argmin()))
        nearest = torch.maximum(nearest, features @ features[seeds[-1]])
    centres = features[seeds]
    for _ in range(ROUNDS):
        nearest_centre = (features @ centres.T).argmax(dim=1)
        sums = torch.zeros_like(centres).index_add_(0, nearest_centre, features)
        occupied = torch.bincount(nearest_centre, minlength=count) > 0
        moved = torch.where(occupied[:, None], F.normalize(sums, dim=1), centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres


class FeatureDistribution:
    """How a set of features is distributed, for distances to other sets.

    Sliced Wasserstein distance (Bonneel et al., 2015): both sets are projected on the same seeded random directions;
    along each, the distance of two one-dimensional distributions is that of their quantiles.

    Args:
        features: float (K, C), K >= 1.
    """

    def __init__(self, features: torch.Tensor) -> None:
        generator = torch.Generator().manual_seed(0)
        slices = F.normalize(torch.randn(features.shape[1], SLICES, generator=generator), dim=0)
        self._slices = slices.to(features)
        self._levels = ((torch.arange(QUANTILES) + 0.5) / QUANTILES).to(features)
        self._quantiles = self._project(features)

    def distance(self, features: torch.Tensor) -> float:
        """Measures the distance to another set (L, C), L >= 1; 0 for equal distributions."""
        return float((self._project(features) - self._quantiles).abs().mean())

    def _project(self, features: torch.Tensor) -> torch.Tensor:
        return torch.quantile((features @ self._slices).float(), self._levels.float(), dim=0)
