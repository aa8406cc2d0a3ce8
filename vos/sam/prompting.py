"""What goes into a mask decoder and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vos.structures import ImageEmbedding


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the mask decoder is told about one object.

    Attributes:
        points: float32 (P, 2) as (x, y) in original pixels.
        labels: int64 (P,), 1 = on the object, 0 = on the background.
        box: float32 (4,) as (x0, y0, x1, y1) in original pixels, or None.
        mask_logits: float (h4, w4), low-res logits of an earlier mask on this embedding's geometry, or None.
        others_logits: float (h4, w4), the same of all other objects together (their maximum), or None; the embedded
            model alone reads it.
    """

    points: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    box: npt.NDArray[np.float32] | None = None
    mask_logits: torch.Tensor | None = None
    others_logits: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 2 or self.labels.shape != self.points.shape[:1]:
            raise ValueError(f"points {self.points.shape} and labels {self.labels.shape} must be (P, 2) and (P,)")
        if self.box is not None and self.box.shape != (4,):
            raise ValueError(f"box must be (4,) as (x0, y0, x1, y1), got {self.box.shape}")

    @classmethod
    def empty(
        cls,
        box: npt.NDArray[np.float32] | None = None,
        mask_logits: torch.Tensor | None = None,
        others_logits: torch.Tensor | None = None,
    ) -> Prompt:
        """Makes a prompt without points; without arguments the guidance alone says what is meant."""
        return cls(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), box, mask_logits, others_logits)

    @classmethod
    def from_points(cls, positive: npt.NDArray[np.float32], negative: npt.NDArray[np.float32] | None = None) -> Prompt:
        """Makes a prompt of points (P, 2) on the object and (Q, 2) on the background, original pixels."""
        negative = np.zeros((0, 2), np.float32) if negative is None else negative
        labels = np.array([1] * len(positive) + [0] * len(negative), dtype=np.int64)
        return cls(np.concatenate([positive, negative]).astype(np.float32), labels)


@dataclass(frozen=True, slots=True)
class Guidance:
    """PerSAM's guidance of the mask decoder for N objects; each model takes from it what it understands.

    Attributes:
        attention: float (N, h * w) in (0, 1), added to SAM's token-to-image attention (target-guided attention).
        embedding: float (N, C), added to SAM's query tokens (target-semantic prompting).
        maps: float (N, 5, h, w), cosine similarities on the grid for the embedded model: to the object's direction,
            best match among its cells, best match among background cells, to the background's direction,
            second minus third.
        responses: the target model's, coarse to fine: float (N, h', w') in [-2, 2] each, 1 on the object and -1 around
            it; empty where the views hold no moments.
    """

    attention: torch.Tensor | None = None
    embedding: torch.Tensor | None = None
    maps: torch.Tensor | None = None
    responses: tuple[torch.Tensor, ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Guidance]) -> Guidance:
        """Joins the guidance of several groups of objects, all with the same fields."""
        rows = zip(*((part.attention, part.embedding, part.maps) for part in parts))
        attention, embedding, maps = (None if None in row else torch.cat(row) for row in rows)
        return cls(
            attention, embedding, maps, tuple(torch.cat(row) for row in zip(*(part.responses for part in parts)))
        )

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Guidance:
        """Returns the same guidance with every field, whose first dimension is always the object, changed alike."""
        attention, embedding, maps = (
            None if value is None else change(value) for value in (self.attention, self.embedding, self.maps)
        )
        return Guidance(attention, embedding, maps, tuple(change(response) for response in self.responses))


@dataclass(frozen=True, slots=True)
class MaskCandidates:
    """What the mask decoder gives for N objects, M candidates each.

    Attributes:
        logits: float (N, M, h4, w4), low-res logits; foreground where > 0.
        predicted_iou: float (N, M), the model's own estimate of each mask's IoU.
    """

    logits: torch.Tensor
    predicted_iou: torch.Tensor

    def __post_init__(self) -> None:
        if self.logits.ndim != 4 or self.predicted_iou.shape != self.logits.shape[:2]:
            raise ValueError(
                f"logits {tuple(self.logits.shape)} and predicted_iou {tuple(self.predicted_iou.shape)} "
                "must be (N, M, h4, w4) and (N, M)"
            )

    def best(self) -> MaskCandidates:
        """Keeps, per object, the candidate with the highest predicted IoU: M = 1."""
        pick = self.predicted_iou.argmax(dim=1)
        rows = torch.arange(len(pick), device=pick.device)
        return MaskCandidates(self.logits[rows, pick][:, None], self.predicted_iou[rows, pick][:, None])


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """A decoder's inputs for one object together with the mask that is wanted.

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
