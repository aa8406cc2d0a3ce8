"""What is expected of one object in the next frame: all that decoding and re-detection know of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from vos.persam.cascade import Box
from vos.persam.similarity import SimilarityScale
from vos.structures import TargetFeature


@dataclass(frozen=True, slots=True)
class Prediction:
    """One object, as its track expects it in a frame. Boxes are float32 (x0, y0, x1, y1) in original pixels.

    Attributes:
        target: what it looks like, all views as one.
        similarity_scale: on which similarities to it are measured.
        reference_area: of its reference mask, original pixels.
        mask_weights: float (3,) of PerSAM-F, or None.
        in_new_scene: it has not been seen in this scene yet, in which other things of its kind may be.
        mask_logits: float (h4, w4), its latest low-res logits moved to where it should be; None for a lost object.
        box: where it should be, with a margin; None for a lost object.
        gate: the box outside of which it cannot be; None where it can be anywhere.
        lost: there is no temporal prior: the whole frame is searched by appearance.
    """

    target: TargetFeature
    similarity_scale: SimilarityScale
    reference_area: float
    mask_weights: torch.Tensor | None
    in_new_scene: bool
    mask_logits: torch.Tensor | None
    box: Box | None
    gate: Box | None
    lost: bool

    def anywhere(self) -> Prediction:
        """Returns the same object without its temporal prior: it is somewhere else, if it is in the frame at all."""
        return replace(self, mask_logits=None, box=None, gate=None, lost=True)
