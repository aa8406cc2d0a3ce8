"""The mask of an object in the frame where a user shows it: from clicks and a box, by the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, ObjectPrompt


@dataclass(frozen=True, slots=True, eq=False)
class FirstMask:
    """What a model makes of one object's prompt.

    Attributes:
        candidates: bool (M, H, W) in original pixels, what the prompt may mean, roughly part, more, whole; M = 1 of a
            mask that was given. One without a pixel is possible.
        predicted_iou: float32 (M,) in [0, 1], the model's own estimate; 1 of a mask that was given.
        chosen: which candidate it is, from 0: the user's choice, else the best.
    """

    candidates: npt.NDArray[np.bool_]
    predicted_iou: npt.NDArray[np.float32]
    chosen: int

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """The mask, bool (H, W)."""
        chosen: npt.NDArray[np.bool_] = self.candidates[self.chosen]
        return chosen

    @property
    def quality(self) -> float:
        """The predicted IoU of the mask."""
        return float(self.predicted_iou[self.chosen])


def first_masks(
    model: Segmenter, rgb: npt.NDArray[np.uint8], embedding: ImageEmbedding, prompts: Sequence[ObjectPrompt]
) -> list[FirstMask]:
    """Makes the masks of objects that a user shows in one frame, in their order. They may overlap.

    Args:
        model: answers the prompts.
        rgb: uint8 (H, W, 3), the frame.
        embedding: of the frame, by ``model``.
        prompts: one per object.
    """
    return [_first_mask(model, embedding, prompt) for prompt in prompts]


def _first_mask(model: Segmenter, embedding: ImageEmbedding, prompt: ObjectPrompt) -> FirstMask:
    if prompt.mask is not None:
        return FirstMask(prompt.mask[None], np.ones(1, np.float32), 0)
    decoded = model.decode_prompts(embedding, [Prompt(prompt.points, prompt.labels, prompt.box)])
    logits = embedding.geometry.logits_to_original(decoded.logits.float())[0]
    predicted_iou = decoded.predicted_iou[0].float().clamp(0, 1)
    best = int(decoded.predicted_iou[0].argmax()) if prompt.candidate is None else prompt.candidate
    return FirstMask((logits > 0).cpu().numpy(), predicted_iou.cpu().numpy(), best)
