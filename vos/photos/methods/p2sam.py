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
from vos.photos.methods.base import Found, PersamMethod, found_from
from vos.photos.methods.parts import FeatureDistribution, cluster
from vos.sam.prompting import Guidance, MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

BACKGROUND_PARTS = 8
QUALITY_SHARE = 2.0  # of the predicted IoU against the distance, when the best of the masks is chosen


class P2SamMethod(PersamMethod):
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
        self.strangeness = max(self.reference.distance(background), 1e-3) if len(background) else 1.0
        self.refine_steps = config.refine_steps if config.refine_steps is not None else (0 if self.reads_maps else 2)

    @torch.no_grad()
    def find(self, embedding: ImageEmbedding, taken: torch.Tensor | None = None) -> Found:
        """See :meth:`PersamMethod.find`."""
        prior = locate(embedding, [self.target], self.fields).without(taken)
        prompts = self._prompts(embedding, prior.similarity[0], taken)
        if self.reads_maps:
            prompts.append(Prompt.empty())
        guidance = _repeated(prior.guidance, len(prompts)) if self.config.guidance else None
        first = self.model.decode(embedding, prompts, guidance, multimask=False)
        candidates = refine(self.model, embedding, prompts, first, self.refine_steps)
        best = self._best(embedding, candidates)
        return found_from(candidates, best, prompts[best], first if self.reads_maps else None, len(prompts) - 1)

    def _prompts(self, embedding: ImageEmbedding, found: torch.Tensor, taken: torch.Tensor | None) -> list[Prompt]:
        """One prompt per k."""
        geometry = embedding.geometry
        unit = F.normalize(embedding.features, dim=0)
        # A cell that looks more like a part of the background than like any part of the object is no positive.
        behind = (
            torch.einsum("kc,chw->khw", self.background, unit).amax(dim=0)
            if self.background is not None
            else torch.full_like(found, -1.0)
        )
        negative = peak_points((behind - found)[None], geometry, 1)[0]
        prompts = []
        for parts in self.splits:
            maps = torch.einsum("kc,chw->khw", parts, unit)
            maps = torch.where(maps >= behind, maps, maps - 2)  # below all others, yet there is always a best one
            if taken is not None:
                maps = maps.masked_fill(taken.to(maps.device), -4.0)
            points = np.unique(np.concatenate(peak_points(maps, geometry, 1)), axis=0)
            prompts.append(Prompt.from_points(points, negative))
        return prompts

    def _best(self, embedding: ImageEmbedding, candidates: MaskCandidates) -> int:
        """The number of the mask whose features are distributed most like the reference's, and that is drawn well."""
        cells = F.normalize(embedding.features, dim=0).flatten(1).T
        ratings = []
        for logits, quality in zip(candidates.logits[:, 0], candidates.predicted_iou[:, 0]):
            coverage = embedding.geometry.logits_to_grid(logits).flatten()
            inside = covered_cells(coverage)
            distance = self.reference.distance(cells[inside]) if bool(inside.any()) else float("inf")
            ratings.append(QUALITY_SHARE * float(quality) - distance / self.strangeness)
        return int(np.argmax(ratings))


def _repeated(guidance: Guidance, count: int) -> Guidance:
    """The guidance of one object for ``count`` prompts."""
    return guidance.map(lambda value: value.expand(count, *value.shape[1:]))
