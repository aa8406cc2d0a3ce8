"""The mask of an object in the frame where a user shows it: from clicks and a box, by the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import mask_iou
from vos.persam.candidate_choice import choose_candidate
from vos.persam.click_decoding import decode_clicks
from vos.persam.click_pixels import obey_clicks
from vos.persam.prompt_crop import decode_crop, low_res
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, ObjectPrompt

MOST_ROUNDS = 5  # decoder calls for the clicks of one object; of more clicks several are given at once


@dataclass(frozen=True, slots=True, eq=False)
class FirstMask:
    """What a model makes of one object's prompt.

    Attributes:
        candidates: bool (M, H, W) in original pixels, what the prompt may mean, roughly part, more, whole; M = 1 of a
            mask that was given. One without a pixel is possible.
        predicted_iou: float32 (M,) in [0, 1], the model's own estimate; 1 of a mask that was given.
        chosen: which candidate it is, from 0: the user's choice, else the best.
        logits: float (h4, w4), low-res logits of the mask, from which the next click goes on; None of a given mask.
    """

    candidates: npt.NDArray[np.bool_]
    predicted_iou: npt.NDArray[np.float32]
    chosen: int
    logits: torch.Tensor | None = None

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
    return [first_mask(model, rgb, embedding, prompt) for prompt in prompts]


@torch.inference_mode()
def first_mask(
    model: Segmenter,
    rgb: npt.NDArray[np.uint8],
    embedding: ImageEmbedding,
    prompt: ObjectPrompt,
    last: FirstMask | None = None,
) -> FirstMask:
    """Makes the mask of one object.

    The embedded model was trained on clicks that come one by one, each with the mask before it; so it is asked. Then
    the part of the frame around the mask is decoded again at the frame's own resolution.

    Args:
        model: answers the prompt.
        rgb: uint8 (H, W, 3), the frame.
        embedding: of the frame, by ``model``.
        prompt: what the user shows.
        last: the mask of the same prompt without its last click, to go on from; None = begin with the first click.
    """
    if prompt.mask is not None:
        return FirstMask(prompt.mask[None], np.ones(1, np.float32), 0)
    whole = Prompt(prompt.points, prompt.labels, prompt.box)
    if not model.batches_images:  # SAM takes all clicks at once, and crops cost it seconds
        found = model.decode_prompts(embedding, [whole])
        chosen = int(found.predicted_iou[0].argmax()) if prompt.candidate is None else prompt.candidate
        pixels = embedding.geometry.logits_to_original(found.logits.float())[0]
        return _finished(pixels, found, chosen, whole, found.logits[0, chosen].float())
    found, chosen = _asked(model, embedding, whole, None if last is None else last.logits, prompt.candidate)
    pixels = embedding.geometry.logits_to_original(found.logits)[0]
    pixels[chosen] = decode_crop(model, rgb, embedding.geometry, whole, found.logits[0, chosen], pixels[chosen])
    return _finished(pixels, found, chosen, whole, low_res(pixels[chosen], embedding.geometry))


def _asked(
    model: Segmenter, embedding: ImageEmbedding, whole: Prompt, logits: torch.Tensor | None, candidate: int | None
) -> tuple[MaskCandidates, int]:
    """Asks for the clicks one after the other; returns three candidates and which of them is meant."""
    if logits is None:
        whole = _in_order(whole)
        for count in np.unique(np.linspace(1, len(whole.points), MOST_ROUNDS).astype(int))[:-1]:
            asked = replace(whole, points=whole.points[:count], labels=whole.labels[:count], mask_logits=logits)
            logits = _answer(model, embedding, asked)
    whole = replace(whole, mask_logits=logits)
    found = decode_clicks(model, embedding, whole, multimask=True)
    if candidate is not None:
        return found, candidate
    if logits is None and whole.box is None:
        return found, choose_candidate(found, embedding.geometry, whole)
    best = decode_clicks(model, embedding, whole, multimask=False)
    chosen = max(range(found.logits.shape[1]), key=lambda k: mask_iou(found.logits[0, k] > 0, best.logits[0, 0] > 0))
    found.logits[0, chosen], found.predicted_iou[0, chosen] = best.logits[0, 0], best.predicted_iou[0, 0]
    if logits is None:  # nothing but a box
        chosen = choose_candidate(found, embedding.geometry, whole)
    return found, chosen


def _answer(model: Segmenter, embedding: ImageEmbedding, asked: Prompt) -> torch.Tensor:
    """Decodes clicks before the last: the best candidate for a first one, else the mask that follows from the last."""
    found = decode_clicks(model, embedding, asked, multimask=asked.mask_logits is None and asked.box is None)
    return found.logits[0, choose_candidate(found, embedding.geometry, asked)]


def _in_order(prompt: Prompt) -> Prompt:
    """Puts the first click on the object in front: with it the mask begins."""
    if not len(prompt.points):
        return prompt
    first = int((prompt.labels == 1).argmax())
    order = [first, *(k for k in range(len(prompt.points)) if k != first)]
    return replace(prompt, points=prompt.points[order], labels=prompt.labels[order])


def _finished(
    pixels: torch.Tensor, found: MaskCandidates, chosen: int, prompt: Prompt, logits: torch.Tensor
) -> FirstMask:
    """Makes masks of logits (M, H, W), of which the chosen one obeys the clicks."""
    masks = (pixels > 0).cpu().numpy()
    masks[chosen] = obey_clicks(masks[chosen], prompt.points, prompt.labels)
    return FirstMask(masks, found.predicted_iou[0].float().clamp(0, 1).cpu().numpy(), chosen, logits)
