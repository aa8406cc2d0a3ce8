"""Is the mask that a model made of a user's prompt the one that was meant? What speaks against it."""

from __future__ import annotations

import numpy as np
import torch

from vos.concept.reference_check import MAX_RAGGEDNESS, MIN_CELLS, Issue, raggedness
from vos.persam.first_mask import FirstMask
from vos.structures import ImageEmbedding, ObjectPrompt

# Fitted by tools/calibrate/first_mask_doubts.py:
LEAST_IOU, OF_ONE_CLICK = 0.75, 0.55  # predicted; below it the model is not sure
RIVAL = 0.2  # a candidate whose predicted IoU is so little below the best one's might be meant as well ...
AGREEMENT = 0.7  # ... and disagrees where the two masks' IoU is below this
MOST = 0.9  # share of the frame: more is hardly an object
OUTSIDE = 0.1  # share of the mask beyond the user's box


def check_first_mask(prompt: ObjectPrompt, first: FirstMask, embedding: ImageEmbedding) -> tuple[Issue, ...]:
    """Lists what is doubtful about the first mask of an object; of one that the user gave, nothing.

    Args:
        prompt: what the user showed.
        first: what the model made of it, not empty.
        embedding: of the frame.
    """
    if prompt.mask is not None:
        return ()
    return (*_by_model(prompt, first), *_by_prompt(prompt, first), *_by_shape(first, embedding))


def least_iou(prompt: ObjectPrompt) -> float:
    """Returns the predicted IoU below which a first mask is doubtful."""
    return OF_ONE_CLICK if prompt.box is None and len(prompt.points) == 1 else LEAST_IOU


def _by_model(prompt: ObjectPrompt, first: FirstMask) -> list[Issue]:
    """What the model itself says; that there is a choice is no doubt of a user who has chosen."""
    issues = []
    if first.quality < least_iou(prompt):
        told = f"the model is not sure of it (predicted IoU {first.quality:.2f}); add clicks or a box"
        issues.append(Issue("unsure", told))
    for k, other in enumerate(first.candidates):
        if (
            prompt.candidate is not None
            or k == first.chosen
            or first.quality - first.predicted_iou[k] > RIVAL
            or not other.any()
        ):
            continue
        iou = float((other & first.mask).sum() / (other | first.mask).sum())
        if iou < AGREEMENT:
            sizes = f"{int(first.mask.sum()):,} or {int(other.sum()):,} pixels"
            told = (
                f"the model sees two things in it, of {sizes}; add clicks, or choose with ref_candidate={k + 1} "
                f'(in a file of prompts "candidate": {k + 1})'
            )
            issues.append(Issue("candidates", told))
            break
    return issues


def _by_prompt(prompt: ObjectPrompt, first: FirstMask) -> list[Issue]:
    """Where the mask is not what the user showed."""
    issues = []
    columns, rows = prompt.points.astype(np.int64).T
    wrong = int((first.mask[rows, columns] != (prompt.labels == 1)).sum())
    if wrong:
        told = f"{wrong} of {len(prompt.points)} clicks are on the wrong side of its outline; add some near them"
        issues.append(Issue("clicks", told))
    if prompt.box is not None:
        x0, y0, x1, y1 = prompt.box.round().astype(int)
        outside = 1 - float(first.mask[y0:y1, x0:x1].sum()) / float(first.mask.sum())
        if outside > OUTSIDE:
            issues.append(Issue("box", f"{outside:.0%} of it is outside of the box; add clicks that are not on it"))
    if first.mask.mean() > MOST:
        issues.append(Issue("large", f"it fills {first.mask.mean():.0%} of the frame; add clicks that are not on it"))
    return issues


def _by_shape(first: FirstMask, embedding: ImageEmbedding) -> list[Issue]:
    """What speaks against any reference.

    Look-alikes do not: in 132 photos and first frames they were told of every second mask, right or wrong. Nor does the
    frame's border, which cuts off many objects of videos.
    """
    cells = float(embedding.geometry.mask_to_grid(torch.from_numpy(first.mask)[None]).sum())
    if cells < MIN_CELLS:
        told = f"it covers only {cells:.1f} cells of what the model sees; so little is hard to follow"
        return [Issue("small", told)]
    if (ragged := raggedness(first.mask)) > MAX_RAGGEDNESS:
        return [Issue("ragged", f"{min(ragged, 1):.0%} of it is fringe, holes or specks; add clicks, or give a mask")]
    return []
