"""A mask that was found, corrected by clicks: on what it lacks, or on what is too much of it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vos.persam.first_mask import FirstMask, first_mask
from vos.persam.prompt_crop import low_res
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, ObjectPrompt

SURE = 8.0  # logit that stands for a mask
ANCHORS = 3  # clicks that stand for it, too: with none, or one, the model takes a new click for another object
APART = 1.5  # times its distance from the border, within which a click on the mask stands for it

Mask = npt.NDArray[np.bool_]


def corrected_mask(
    model: Segmenter,
    rgb: npt.NDArray[np.uint8],
    embedding: ImageEmbedding,
    mask: Mask,
    points: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
) -> Mask:
    """Corrects a mask around clicks, and leaves it as it is elsewhere.

    The model is asked as for one more click, with the mask before it and clicks in its middle. Of what it changes, only
    the pieces count that are clicked: on frames that were tracked, it would do more harm than good elsewhere.

    Args:
        model: answers.
        rgb: uint8 (H, W, 3), the frame.
        embedding: of the frame, by ``model``.
        mask: bool (H, W), not empty.
        points: float32 (P, 2) as (x, y), pixels.
        labels: int64 (P,), 1 = belongs to the object, 0 = does not.
    """
    logits = torch.from_numpy(np.where(mask, SURE, -SURE).astype(np.float32)).to(embedding.features.device)
    last = FirstMask(mask[None], np.ones(1, np.float32), 0, low_res(logits, embedding.geometry))
    anchors = middles(mask, points[labels == 0])
    own = ObjectPrompt(points=np.vstack([anchors, points]), labels=np.concatenate([np.ones(len(anchors), int), labels]))
    found = first_mask(model, rgb, embedding, own, last).mask
    changed: Mask = mask.copy()
    columns, rows = points.astype(np.int64).T
    for value in (1, 0):
        wrong = found & ~mask if value else mask & ~found
        _, pieces = cv2.connectedComponents(wrong.astype(np.uint8), connectivity=8)
        clicked = np.unique(pieces[rows[labels == value], columns[labels == value]])
        changed[np.isin(pieces, clicked[clicked > 0])] = bool(value)
    return changed


def middles(mask: Mask, beside: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Finds up to three pixels (K, 2) as (x, y) far inside a mask, and far from points (P, 2) that are not on it."""
    inside, found = np.pad(mask.astype(np.uint8), 1), list[tuple[int, int]]()
    columns, rows = beside.astype(np.int64).T + 1
    inside[rows, columns] = 0
    for _ in range(ANCHORS):
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        y, x = np.unravel_index(int(distance.argmax()), distance.shape)
        reach = float(distance[y, x])
        if not reach:
            break
        found.append((int(x) - 1, int(y) - 1))
        cv2.circle(inside, (int(x), int(y)), max(2, round(APART * reach)), 0, cv2.FILLED)
    return np.array(found, np.float32).reshape(-1, 2)
