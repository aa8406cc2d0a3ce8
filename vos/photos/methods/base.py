"""Looking for one concept in photos: what every method shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from vos.concept.concept import Concept
from vos.photos.config import MethodConfig
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

TAKEN_SHARE = 0.25  # a grid cell covered more than this by earlier instances is not searched again


@dataclass(frozen=True, slots=True)
class Found:
    """The mask that a method has found, at low resolution.

    Attributes:
        logits: float (h4, w4), foreground where > 0; all below 0 where nothing was found.
        predicted_iou: the model's own estimate.
        prompt: of the first decoder call.
        unprompted: the mask decoded from appearance alone, logits (h4, w4) and predicted IoU, from a decoder that reads
            similarity maps; None from one that does not. A point says "it is here", after which no decoder doubts it,
            so presence is judged from this.
    """

    logits: torch.Tensor
    predicted_iou: float
    prompt: Prompt
    unprompted: tuple[torch.Tensor, float] | None = None


def found_from(
    candidates: MaskCandidates, row: int, prompt: Prompt, unprompted: MaskCandidates | None, unprompted_row: int = 0
) -> Found:
    """Takes one object's mask (M = 1) out of a batch."""
    first = None
    if unprompted is not None:
        quality = unprompted.predicted_iou[unprompted_row, 0].clamp(0, 1)
        first = (unprompted.logits[unprompted_row, 0].float(), float(quality))
    quality = candidates.predicted_iou[row, 0].clamp(0, 1)
    return Found(candidates.logits[row, 0].float(), float(quality), prompt, first)


class PersamMethod(ABC):
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
