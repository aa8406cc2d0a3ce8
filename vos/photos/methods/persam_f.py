"""``method=persam_f``: the three mask scales, fused by weights that were tuned on the reference (section 3.3)."""

from __future__ import annotations

import torch

from vos.concept.concept import Concept
from vos.concept.mask_weights import MAPS_ONLY, first_call
from vos.errors import VosError
from vos.persam.cascade import low_res_box, refine
from vos.persam.location_prior import locate
from vos.persam.persam_f import fuse
from vos.photos.config import MethodConfig
from vos.photos.methods.base import Detection, PhotoMethod
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding


class PersamFMethod(PhotoMethod):
    """PerSAM-F: the positive point, three candidates, their weighted sum, then the cascade with its box."""

    def __init__(self, model: Segmenter, concept: Concept, config: MethodConfig) -> None:
        super().__init__(model, concept, config)
        if concept.weights is None:
            raise VosError(
                f"the concept {concept.name} has no tuned mask weights for method=persam_f; make it with finetune=true"
            )
        self.weights = concept.weights.to(model.device)
        self.target = concept.target().to(model.device)

    @torch.no_grad()
    def detect(self, embedding: ImageEmbedding, forbidden: torch.Tensor | None = None) -> Detection:
        """Detects as :meth:`PhotoMethod.detect` says."""
        prior = locate(embedding, [self.target], self.fields & MAPS_ONLY).without(forbidden)
        unprompted = None
        if self.reads_maps:
            unprompted = self.model.decode(embedding, [Prompt.empty()], prior.guidance, multimask=False)
        prompt, first = first_call(self.model, embedding, prior)
        logits = fuse(first.logits, self.weights[None])[:, None]
        fused = MaskCandidates(logits, first.predicted_iou.amax(dim=1, keepdim=True))
        box = low_res_box(logits[0, 0], embedding.geometry)
        if box is None:  # the weights may be negative; the best single scale is still a result
            fused = first.best()
            box = low_res_box(fused.logits[0, 0], embedding.geometry)
        candidates = fused
        if box is not None:
            candidates = refine(self.model, embedding, [prompt], fused, self.refine_steps, boxes=[box])
        return Detection.of(candidates, 0, prompt, unprompted)
