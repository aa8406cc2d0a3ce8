"""A closer look at what was found: the part of the photo around it beside the concept's own pictures, at one size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vos.concept.reference_view import square_around
from vos.geometry import Geometry, mask_iou
from vos.persam.cascade import low_res_box
from vos.persam.location_prior import locate
from vos.persam.prompt_crop import logits_in_crop
from vos.photos.reference_pictures import ReferencePictures, likeness, mean_feature
from vos.sam.prompting import Prompt

MARGIN = 0.5  # of the part beyond the object on each side, share of the object's longer side


@dataclass(frozen=True, slots=True)
class CloseUp:
    """What the closer look at a mask says. Each value is from 0 to 1.

    Attributes:
        predicted_iou: of the mask that the model finds there by itself.
        agreement: IoU of that mask with the one that was looked at.
        likeness: of what lies under the mask to the concept, in the mean.
    """

    predicted_iou: float
    agreement: float
    likeness: float


UNLIKE = CloseUp(0.0, 0.0, 0.0)


@torch.no_grad()
def look_closely(
    pictures: ReferencePictures, rgb: npt.NDArray[np.uint8], logits: torch.Tensor, geometry: Geometry
) -> CloseUp:
    """Judges one mask.

    Args:
        pictures: of the concept.
        rgb: uint8 (H, W, 3), the photo.
        logits: float (h4, w4), low-res, the mask.
        geometry: of the photo.
    """
    box = low_res_box(logits, geometry)
    if box is None:
        return UNLIKE
    rows, columns = square_around(box, geometry.original_size, MARGIN)
    model = pictures.model
    (embedding,) = model.encode([np.ascontiguousarray(rgb[rows, columns])])
    known = pictures.known(MARGIN, float(max(box[2] - box[0], box[3] - box[1])) + 1)
    guidance = locate(embedding, [known.target], model.guidance_fields).guidance
    found = model.decode(embedding, [Prompt.empty()], guidance, multimask=False)
    earlier = logits_in_crop(logits, geometry, embedding.geometry, columns.start, rows.start)
    mean = mean_feature(embedding.features, embedding.geometry.logits_to_grid(earlier))
    return CloseUp(
        predicted_iou=float(found.predicted_iou[0, 0].clamp(0, 1)),
        agreement=mask_iou(found.logits[0, 0] > 0, earlier > 0),
        likeness=likeness(mean, known.means),
    )
