"""A tracker's answer to one frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vos.structures import LabelMap, Presence


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """What the tracker says about one frame, still at low resolution; ``vos.tracking.merge`` makes pixels of it.

    Attributes:
        logits: float32 (N, h4, w4), low-res logits per object; foreground where > 0 and above all other objects.
            An absent object is a constant far below 0, so that it can never win a pixel.
        predicted_iou: float32 (N,); 0 where absent, 1 where the user gave the mask.
        presence: N values, in the order of the object ids.
        given: the user's own mask of this frame, or None. The objects that have pixels in it are taken from it,
            unchanged; their logits are then the low-res coverage of that mask, for priors only.
    """

    logits: torch.Tensor
    predicted_iou: torch.Tensor
    presence: tuple[Presence, ...]
    given: LabelMap | None = None

    def __post_init__(self) -> None:
        count = len(self.presence)
        if self.logits.ndim != 3 or len(self.logits) != count or tuple(self.predicted_iou.shape) != (count,):
            raise ValueError(
                f"logits {tuple(self.logits.shape)} and predicted_iou {tuple(self.predicted_iou.shape)} "
                f"must be (N, h4, w4) and (N,) for {count} objects"
            )
