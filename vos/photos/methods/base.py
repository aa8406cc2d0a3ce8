"""Looking for one concept in photos: what every method shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.cli.config import MethodConfig
from vos.errors import VosError
from vos.persam.location_prior import LocationPrior, image_cells, locate, peak_points
from vos.sam.segmenter import Segmenter
from vos.structures import Geometry, ImageEmbedding, MaskCandidates, Prompt, TargetFeature

if TYPE_CHECKING:
    from vos.concept.concept import Concept

METHODS = ("persam", "persam_f", "p2sam", "persam_reference")
TAKEN_SHARE = 0.25  # a grid cell covered more than this by earlier instances is not searched again


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of a search, at low resolution.

    Attributes:
        logits: float (h4, w4), foreground where > 0; all below 0 where nothing was found.
        predicted_iou: the model's own estimate.
        prompt: of the first decoder call.
        unprompted: the answer to appearance alone, logits (h4, w4) and predicted IoU, from a decoder that reads
            similarity maps; None from one that does not. A point says "it is here", after which no decoder doubts it,
            so presence is judged from this.
    """

    logits: torch.Tensor
    predicted_iou: float
    prompt: Prompt
    unprompted: tuple[torch.Tensor, float] | None = None


def found_from(
    answer: MaskCandidates, row: int, prompt: Prompt, unprompted: MaskCandidates | None, unprompted_row: int = 0
) -> Found:
    """Takes one object's answer (M = 1) out of a batch."""
    first = None
    if unprompted is not None:
        quality = unprompted.predicted_iou[unprompted_row, 0].clamp(0, 1)
        first = (unprompted.logits[unprompted_row, 0].float(), float(quality))
    quality = answer.predicted_iou[row, 0].clamp(0, 1)
    return Found(answer.logits[row, 0].float(), float(quality), prompt, first)


class Search(ABC):
    """Looks for one concept with one model. What depends on the concept alone is computed once, here.

    Args:
        model: the concept's own.
        concept: to look for.
        config: options of the method.

    Raises:
        VosError: the concept belongs to another model.
    """

    def __init__(self, model: Segmenter, concept: Concept, config: MethodConfig) -> None:
        concept.check_model(model)
        self.model, self.concept, self.config = model, concept, config
        self.reads_maps = config.guidance and "maps" in model.guidance_fields
        self.fields = model.guidance_fields if config.guidance else frozenset[str]()

    @abstractmethod
    def find(self, embedding: ImageEmbedding, taken: torch.Tensor | None = None) -> Found:
        """Finds the most likely instance.

        Args:
            embedding: of the photo.
            taken: bool (h, w), cells of the embedding grid that hold earlier instances, or None.
        """


def make_search(model: Segmenter, concept: Concept, config: MethodConfig) -> Search:
    """The search that ``config.name`` asks for.

    Raises:
        VosError: an unknown method, or a concept that does not fit it or the model.
    """
    from vos.photos.methods.p2sam import PartSearch
    from vos.photos.methods.persam import PersamSearch
    from vos.photos.methods.persam_f import FusedSearch
    from vos.photos.methods.published import PublishedSearch

    searches: dict[str, type[Search]] = dict(zip(METHODS, (PersamSearch, FusedSearch, PartSearch, PublishedSearch)))
    if config.name not in searches:
        raise VosError(f"method={config.name} is unknown; choose one of {', '.join(METHODS)}")
    return searches[config.name](model, concept, config)


def on_device(target: TargetFeature, device: torch.device) -> TargetFeature:
    """The same target feature, where the model is."""
    moved: dict[str, Any] = {}
    for item in fields(target):
        value = getattr(target, item.name)
        moved[item.name] = tuple(e.to(device) for e in value) if isinstance(value, tuple) else value.to(device)
    return TargetFeature(**moved)


def prior_of(
    embedding: ImageEmbedding, target: TargetFeature, wanted: frozenset[str], taken: torch.Tensor | None = None
) -> LocationPrior:
    """The location prior of one target, with the cells ``taken`` (h, w) made as unlike the object as can be."""
    prior = locate(embedding, [target], wanted)
    if taken is None or not bool(taken.any()):
        return prior
    taken = taken.to(prior.similarity.device)
    found = prior.similarity.masked_fill(taken, float(prior.similarity.min()))
    guidance = prior.guidance
    if guidance.attention is not None:
        attention = guidance.attention.masked_fill(taken.flatten(), float(guidance.attention.min()))
        guidance = replace(guidance, attention=attention)
    if guidance.maps is not None:
        maps = guidance.maps.clone()
        for channel, extreme in enumerate(("min", "min", "max", "max", "min")):  # alike the background, not the object
            value = getattr(maps[:, channel], extreme)()
            maps[:, channel] = maps[:, channel].masked_fill(taken, float(value))
        guidance = replace(guidance, maps=maps, answers=tuple(_without(a, taken) for a in guidance.answers))
    return LocationPrior(found, guidance)


def _without(answer: torch.Tensor, taken: torch.Tensor) -> torch.Tensor:
    """A target model's answer (1, h', w') with the grid's cells ``taken`` (h, w) as unlike the object as can be."""
    cell = answer.shape[-1] // taken.shape[-1]
    fine = taken.repeat_interleave(cell, dim=0).repeat_interleave(cell, dim=1)
    return answer.masked_fill(fine, float(answer.min()))


def peak(similarity: torch.Tensor, geometry: Geometry) -> npt.NDArray[np.float32]:
    """The point of highest similarity (1, h, w), as float32 (1, 2), original pixels."""
    return peak_points(similarity, geometry, 1)[0]


def point_prompt(positive: npt.NDArray[np.float32], negative: npt.NDArray[np.float32] | None = None) -> Prompt:
    """A prompt of points (P, 2) on the object and (Q, 2) on the background."""
    none = np.zeros((0, 2), np.float32)
    negative = none if negative is None else negative
    labels = np.array([1] * len(positive) + [0] * len(negative), dtype=np.int64)
    return Prompt(np.concatenate([positive, negative]).astype(np.float32), labels)


def no_prompt() -> Prompt:
    """Nothing but the guidance."""
    return point_prompt(np.zeros((0, 2), np.float32))


def coverage_on_grid(logits: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """The share of each grid cell (h, w) that a low-res mask (h4, w4; foreground where > 0) covers."""
    rows, columns = image_cells(geometry.input_size, geometry.logit_stride)
    mask = torch.zeros_like(logits)
    mask[:rows, :columns] = (logits[:rows, :columns] > 0).to(logits)
    return F.avg_pool2d(mask[None], geometry.grid_stride // geometry.logit_stride)[0]
