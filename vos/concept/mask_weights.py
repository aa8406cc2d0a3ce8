"""PerSAM-F for photos: the weights of one reference photo, from the very call that is fused later."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vos.concept.reference_view import ReferenceView
from vos.persam.location_prior import LocationPrior, locate, peak_points
from vos.persam.persam_f import FinetuneConfig, tune_weights
from vos.persam.published import top_points
from vos.persam.similarity import similarity
from vos.persam.target_feature import target_feature
from vos.sam.prompting import Guidance, MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

TUNING_SIDE = 512  # longer side, pixels, of the raster on which the loss is taken
MAPS_ONLY = frozenset({"maps"})  # published without attention and semantic prompt


def first_call(model: Segmenter, embedding: ImageEmbedding, prior: LocationPrior) -> tuple[Prompt, MaskCandidates]:
    """Decodes the three candidates that are fused; a decoder that reads similarity maps gets them, too."""
    prompt = Prompt.from_points(peak_points(prior.similarity, embedding.geometry, 1)[0])
    maps = prior.guidance.maps
    guidance = Guidance(maps=maps, responses=prior.guidance.responses) if maps is not None else None
    return prompt, model.decode(embedding, [prompt], guidance, multimask=True)


@torch.no_grad()
def image_weights(
    model: Segmenter,
    embedding: ImageEmbedding,
    view: ReferenceView,
    mask: npt.NDArray[np.bool_],
    config: FinetuneConfig,
) -> torch.Tensor:
    """Tunes PerSAM-F's weights on one reference photo, which is decoded once.

    The loss is taken on a raster of ``TUNING_SIDE`` at most: the model's logits hold no more detail, and a larger one
    would only take longer.

    Args:
        model: whose candidates are weighed.
        embedding: of the reference photo.
        view: of the same photo.
        mask: bool (H, W), its mask in original pixels.
        config: steps and learning rate; ``exact`` follows the published code in every step, full size included.

    Returns:
        float32 (3,), see :func:`vos.persam.persam_f.tune_weights`.
    """
    geometry = embedding.geometry
    if config.exact:
        cells = view.published_cells.to(embedding.features)
        own = target_feature(embedding.features, cells)
        prompt = Prompt.from_points(top_points(similarity(embedding.features, [own]), geometry, 1)[0])
        candidates = model.decode(embedding, [prompt], multimask=True)
    else:
        fields = model.guidance_fields & MAPS_ONLY
        prior = locate(embedding, [view.target().to(model.device)], fields)
        _, candidates = first_call(model, embedding, prior)
    truth, longer = mask, max(geometry.original_size)
    if not config.exact and longer > TUNING_SIDE:
        height, width = (max(1, round(side * TUNING_SIDE / longer)) for side in geometry.original_size)
        geometry = replace(geometry, original_size=(height, width))
        truth = cv2.resize(mask.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) > 127
    full = geometry.logits_to_original(candidates.logits.float())
    target = torch.from_numpy(np.ascontiguousarray(truth))[None]
    return tune_weights(full, target, config.steps, config.learning_rate, config.exact)[0]
