"""What every method that looks for one concept in photos shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from vos.concept.concept import Concept
from vos.persam.suited import chosen, suited
from vos.photos.config import MethodConfig
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

FORBIDDEN_SHARE = 0.25  # a grid cell covered more than this by earlier instances is forbidden to later ones


@dataclass(frozen=True, slots=True)
class Detection:
    """A mask that a method has found, at low resolution.

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

    @classmethod
    def of(
        cls,
        candidates: MaskCandidates,
        row: int,
        prompt: Prompt,
        unprompted: MaskCandidates | None,
        unprompted_row: int = 0,
    ) -> Detection:
        """Takes one row of a batch with one candidate per prompt (M = 1)."""
        alone = None if unprompted is None else _row(unprompted, unprompted_row)
        return cls(*_row(candidates, row), prompt, alone)


def _row(candidates: MaskCandidates, row: int) -> tuple[torch.Tensor, float]:
    return candidates.logits[row, 0].float(), float(candidates.predicted_iou[row, 0].clamp(0, 1))


class PhotoMethod(ABC):
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
        self.fields = model.guidance_fields if config.guidance else frozenset[str]()
        self.suited = suited(model, f"method={config.name}", config.guidance)
        self.reads_maps = self.suited.reads_maps
        self.refine_steps = chosen(config.refine_steps, self.suited.refine_steps)

    @abstractmethod
    def detect(self, embedding: ImageEmbedding, forbidden: torch.Tensor | None = None) -> Detection:
        """Detects the most likely instance.

        Args:
            embedding: of the photo.
            forbidden: bool (h, w), cells of the embedding grid that hold earlier instances, or None.
        """
