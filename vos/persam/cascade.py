"""Cascaded post-refinement: the decoder sees its own mask again, then its box too (PerSAM, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry, mask_box
from vos.sam.prompting import MaskCandidates, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

Box = npt.NDArray[np.float32]


def low_res_box(logits: torch.Tensor, geometry: Geometry) -> Box | None:
    """Finds the box of a low-res mask (h4, w4; foreground where > 0): its cells' outer edges, original pixels."""
    cells = mask_box((logits > 0).cpu().numpy())
    if cells is None:
        return None
    edges = (cells + np.array([0, 0, 1, 1], dtype=np.float32)) * geometry.logit_stride
    height, width = geometry.original_size
    box = edges / np.tile(np.asarray(geometry.scale_xy), 2)
    return np.asarray(np.clip(box, 0, [width, height, width, height]), np.float32)


def refine(
    model: Segmenter,
    embedding: ImageEmbedding,
    prompts: Sequence[Prompt],
    first: MaskCandidates,
    steps: int,
    box_of: Callable[[torch.Tensor, Geometry], Box | None] = low_res_box,
    boxes: Sequence[Box | None] | None = None,
) -> MaskCandidates:
    """Decodes ``steps`` more times, feeding back each object's mask, and from the second time on its tight box.

    Args:
        model: whose decoder to call.
        embedding: of the image.
        prompts: the N prompts of the first call; their points stay, their boxes and masks are replaced.
        first: the answer of the first call, M = 1.
        steps: number of further calls; the published cascade has 2.
        box_of: the box of low-res logits (h4, w4), in original pixels.
        boxes: boxes for the first of these calls (PerSAM-F); none by default.

    Returns:
        Candidates with M = 1, the highest predicted IoU of the last call. An object whose mask becomes empty keeps
        that answer: there is no box to go on with.
    """
    logits, predicted_iou = first.logits.clone(), first.predicted_iou.clone()
    going = list(range(len(prompts)))
    for step in range(steps):
        if step:
            boxes = [box_of(mask, embedding.geometry) if k in going else None for k, mask in enumerate(logits[:, 0])]
            going = [k for k in going if boxes[k] is not None]
        if not going:
            break
        again = [replace(prompts[k], mask_logits=logits[k, 0], box=None if boxes is None else boxes[k]) for k in going]
        better = model.decode(embedding, again, multimask=True).best()
        logits[going], predicted_iou[going] = better.logits, better.predicted_iou
    return MaskCandidates(logits, predicted_iou)
