"""A question to a mask decoder together with its answer."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vos.structures import Guidance, ImageEmbedding, Prompt


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a decoder can learn from.

    Attributes:
        embedding: of a picture, or of a part of one.
        prompt: for one object, on this embedding's geometry.
        guidance: PerSAM's guidance of that object.
        truth: float (h2, w2) in [0, 1], the share of each low-res cell that the object covers; zeros: it is absent.
    """

    embedding: ImageEmbedding
    prompt: Prompt
    guidance: Guidance
    truth: torch.Tensor
