"""``method=persam_published``: image PerSAM as published, defects that change results included.

The public code is github.com/ZrrSkywalker/Personalize-SAM, persam.py. What it does differently from
``method=persam`` is marked DEFECT; where it would crash, CRASH says what happens instead.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.concept.concept import Concept
from vos.geometry import Geometry
from vos.persam.cascade import refine
from vos.persam.published import full_size_box, similarity_pixels
from vos.persam.similarity import similarity
from vos.persam.target_feature import target_feature
from vos.photos.config import MethodConfig
from vos.photos.methods.base import Detection, PhotoMethod
from vos.sam.prompting import Guidance, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding


class PublishedMethod(PhotoMethod):
    """The published method, one reference; a further one is not part of it, so the best of several is used."""

    def __init__(self, model: Segmenter, concept: Concept, config: MethodConfig) -> None:
        super().__init__(model, concept, config)
        view = concept.views[concept.best_view]
        features = view.features.to(model.device)
        self.target = target_feature(features, view.published_cells.to(features), pooling="mean")

    @torch.no_grad()
    def detect(self, embedding: ImageEmbedding, forbidden: torch.Tensor | None = None) -> Detection:
        """Detects as :meth:`PhotoMethod.detect` says."""
        geometry = embedding.geometry
        similar = similarity(embedding.features, [self.target])
        if forbidden is not None:  # several instances are not part of the published method
            similar = similar.masked_fill(forbidden.to(similar.device), float(similar.min()))
        pixels = similarity_pixels(similar, geometry)
        prompt = Prompt.from_points(_pixel(pixels.argmax(), pixels), _pixel(pixels.argmin(), pixels))
        guidance = Guidance(attention=published_attention(pixels, geometry), embedding=self.target.embedding[None])
        first = self.model.decode(embedding, [prompt], guidance, multimask=False)
        # CRASH: a mask that is empty after the second call has no box; it is then the result.
        candidates = refine(self.model, embedding, [prompt], first, steps=2, box_of=full_size_box)
        return Detection.of(candidates, 0, prompt, None)


def published_attention(pixels: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """Computes A = sigmoid((S - mean S) / std S) as (1, h * w), from S in original pixels.

    DEFECT: S without its padding is stretched over the whole grid, so on an image that is not square A lies beside
    the features that it steers.
    """
    normalised = (pixels - pixels.mean()) / pixels.std()
    stretched = F.interpolate(normalised[None, None], size=geometry.grid_size, mode="bilinear", align_corners=False)
    return stretched.sigmoid().flatten(1)


def _pixel(index: torch.Tensor, pixels: torch.Tensor) -> npt.NDArray[np.float32]:
    row, column = divmod(int(index), pixels.shape[1])
    return np.array([[column, row]], dtype=np.float32)
