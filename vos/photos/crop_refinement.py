"""Crop refinement: a small object is decoded again in the part of the photo around it, at the model's full input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry, mask_iou
from vos.persam.cascade import low_res_box
from vos.persam.prompt_crop import logits_in_crop
from vos.photos.methods.base import Detection
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter

MARGIN = 0.25  # of the crop beyond the object's box on each side, share of the box's longer side
MAX_SHARE = 0.75  # of the crop's longer side in the photo's; a larger one would show little more
MIN_AGREEMENT = 0.5  # IoU with the first mask, below which the first mask is kept


@dataclass(frozen=True, slots=True)
class RefinedCrop:
    """The mask of a crop, a part of the photo.

    Attributes:
        logits: float (h4, w4), low-res on ``geometry``.
        geometry: of the crop as an image of its own.
        x, y: of the crop's upper left pixel, original pixels of the photo.
    """

    logits: torch.Tensor
    geometry: Geometry
    x: int
    y: int


@torch.no_grad()
def refine_crop(
    model: Segmenter, rgb: npt.NDArray[np.uint8], detection: Detection, geometry: Geometry
) -> RefinedCrop | None:
    """Decodes the crop around a found mask again, with that mask and its box as the prompt.

    Small objects gain edges that the whole photo could not resolve. No guidance and no points: where the object is has
    been decided, and similarity would only pull in look-alikes.

    Args:
        model: encodes and decodes the crop.
        rgb: uint8 (H, W, 3), the photo.
        detection: the mask in the whole photo.
        geometry: of the photo.

    Returns:
        The refined crop; None where the object fills the photo, nothing was found, or both masks contradict.
    """
    box = low_res_box(detection.logits, geometry)
    if box is None:
        return None
    height, width = geometry.original_size
    margin = MARGIN * float(max(box[2] - box[0], box[3] - box[1]))
    x0, y0 = (int(max(0.0, side - margin)) for side in box[:2])
    x1, y1 = (int(min(limit, np.ceil(side + margin))) for side, limit in zip(box[2:], (width, height)))
    if max(x1 - x0, y1 - y0) > MAX_SHARE * max(height, width) or min(x1 - x0, y1 - y0) < 1:
        return None
    embedding = model.encode([np.ascontiguousarray(rgb[y0:y1, x0:x1])])[0]
    earlier = logits_in_crop(detection.logits, geometry, embedding.geometry, x0, y0)
    box = np.clip(box - np.array([x0, y0, x0, y0], np.float32), 0, None).astype(np.float32)
    prompt = Prompt.empty(box, earlier)
    logits = model.decode(embedding, [prompt], multimask=False).logits[0, 0].float()
    agreement = mask_iou(earlier > 0, logits > 0)
    return RefinedCrop(logits, embedding.geometry, x0, y0) if agreement >= MIN_AGREEMENT else None
