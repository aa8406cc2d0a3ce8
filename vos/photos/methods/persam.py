"""``method=persam``: image PerSAM (Zhang et al., ICLR 2024), aligned and crash-free."""

from __future__ import annotations

import torch

from vos.concept.concept import Concept
from vos.persam.cascade import refine
from vos.persam.location_prior import locate, peak_points
from vos.persam.suited import chosen
from vos.photos.config import MethodConfig
from vos.photos.methods.base import Detection, PhotoMethod
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding


class PersamMethod(PhotoMethod):
    """Positive-negative location prior, guided first call, cascaded post-refinement.

    SAM is guided by attention and semantic prompt, the embedded model by the similarity maps that it was trained on.
    Against the published form the attention bias lies on the cells that it belongs to, and nothing can crash.
    """

    def __init__(self, model: Segmenter, concept: Concept, config: MethodConfig) -> None:
        super().__init__(model, concept, config)
        # SAM's method pools the mean; the embedded model knows the pooling of its training.
        self.target = concept.target("max_mean" if self.reads_maps else "mean").to(model.device)
        self.points = chosen(config.points, bool(self.suited.points))

    @torch.no_grad()
    def detect(self, embedding: ImageEmbedding, forbidden: torch.Tensor | None = None) -> Detection:
        """Detects as :meth:`PhotoMethod.detect` says."""
        prior = locate(embedding, [self.target], self.fields).without(forbidden)
        guidance = prior.guidance if self.config.guidance else None
        prompt, unprompted = Prompt.empty(), None
        if self.reads_maps:
            unprompted = self.model.decode(embedding, [Prompt.empty()], guidance, multimask=False)
        if self.points:
            positive, negative = (peak_points(sign * prior.similarity, embedding.geometry, 1)[0] for sign in (1, -1))
            prompt = Prompt.from_points(positive, negative)
        first = unprompted
        if first is None or self.points:
            first = self.model.decode(embedding, [prompt], guidance, multimask=False)
        candidates = refine(self.model, embedding, [prompt], first, self.refine_steps)
        return Detection.of(candidates, 0, prompt, unprompted)
