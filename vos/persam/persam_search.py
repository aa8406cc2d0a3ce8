"""``method=persam``: image PerSAM (Zhang et al., ICLR 2024), aligned and crash-free."""

from __future__ import annotations

import torch

from vos.config import MethodConfig
from vos.persam.concept import Concept
from vos.persam.refine import refine
from vos.persam.search import Found, Search, on_device, peak, point_prompt, prior_of
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding


class PersamSearch(Search):
    """Positive-negative location prior, guided first call, cascaded post-refinement.

    SAM is guided by attention and semantic prompt, the embedded model by the similarity maps that it was trained on.
    Against the published form the attention bias lies on the cells that it belongs to, and nothing can crash.
    """

    def __init__(self, model: Segmenter, concept: Concept, config: MethodConfig) -> None:
        super().__init__(model, concept, config)
        # SAM's method pools the mean; the embedded model knows the pooling of its training.
        self.target = on_device(concept.target("max_mean" if self.reads_maps else "mean"), model.device)
        self.points = config.points if config.points is not None else not self.reads_maps
        self.refine_steps = config.refine_steps if config.refine_steps is not None else (0 if self.reads_maps else 2)

    @torch.no_grad()
    def find(self, embedding: ImageEmbedding, taken: torch.Tensor | None = None) -> Found:
        """See :meth:`Search.find`."""
        prior = prior_of(embedding, self.target, self.fields, taken)
        positive = peak(prior.similarity, embedding.geometry)
        negative = peak(-prior.similarity, embedding.geometry)
        prompt = point_prompt(positive, negative) if self.points or taken is not None else point_prompt(positive[:0])
        first = self.model.decode(
            embedding, [prompt], prior.guidance if self.config.guidance else None, multimask=False
        )
        answer = refine(self.model, embedding, [prompt], first, self.refine_steps)
        return Found(answer.logits[0, 0].float(), float(answer.predicted_iou[0, 0].clamp(0, 1)), prompt)
