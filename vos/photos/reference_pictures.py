"""A concept's own pictures as a model sees them: at the sizes and with the blur of what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.concept.concept import Concept
from vos.concept.reference_view import square_around
from vos.errors import VosError
from vos.geometry import mask_box
from vos.persam.target_feature import merge_views, observed_targets, prepared
from vos.sam.segmenter import Segmenter
from vos.structures import TargetFeature

SIDE = 256  # longer side of the model input, pixels: of a part of a photo it shows enough
# Longer sides of an object, pixels: what is smaller in the photo is compared with pictures reduced to that, and so as
# blurred as it is.
REDUCED = (32, 64)


@dataclass(frozen=True, slots=True)
class Known:
    """The concept in one form.

    Attributes:
        target: of all views.
        means: float (V, C), the mean feature of each view, unit vectors.
    """

    target: TargetFeature
    means: torch.Tensor


class ReferencePictures:
    """Encodes a concept's pictures, each form once, when it is needed.

    Args:
        model: the concept's.
        concept: of a file of before 0.4.0, thumbnails stand in for its pictures.

    Raises:
        VosError: they show too little of it.
    """

    def __init__(self, model: Segmenter, concept: Concept) -> None:
        self.model = model.at_input_size(SIDE)
        self.pictures = [view.thumbnail if view.picture is None else view.picture for view in concept.views]
        if not all(picture[..., 3].any() for picture in self.pictures):
            raise VosError(f"the concept {concept.name} is of before 0.4.0 and too small in it; make the concept again")
        self._known: dict[tuple[float, int], Known] = {}

    @torch.no_grad()
    def known(self, margin: float, pixels: float) -> Known:
        """Returns the concept as it looks beside a part of a photo.

        Args:
            margin: around the object in that part, as :func:`vos.concept.reference_view.square_around` takes it.
            pixels: longer side of the object there, original pixels.
        """
        side = next((side for side in REDUCED if pixels <= side), 0)
        if (margin, side) not in self._known:
            pairs = [self._view(picture, margin, side) for picture in self.pictures]
            target = merge_views([(each, 1 / len(pairs)) for each, _ in pairs])
            self._known[margin, side] = Known(prepared(target), torch.stack([mean for _, mean in pairs]))
        return self._known[margin, side]

    def _view(self, picture: npt.NDArray[np.uint8], margin: float, side: int) -> tuple[TargetFeature, torch.Tensor]:
        box = mask_box(picture[..., 3])
        assert box is not None  # no reference is empty
        part = picture[square_around(box, picture.shape[:2], margin)]
        scale = side / float(max(box[2] - box[0], box[3] - box[1]) + 1)
        if side and scale < 1:
            size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
            part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        (embedding,) = self.model.encode([np.ascontiguousarray(part[..., :3])])
        mask = torch.from_numpy(part[..., 3].astype(np.float32) / 255)[None]
        coverage = embedding.geometry.mask_to_grid(mask)[0].to(embedding.features)
        target = observed_targets(embedding, embedding.geometry.mask_to_low_res(mask))[0]
        return target, mean_feature(embedding.features, coverage)


def mean_feature(features: torch.Tensor, coverage: torch.Tensor) -> torch.Tensor:
    """Averages the cells under a mask: float (C,), a unit vector, or zeros where nothing is covered.

    Args:
        features: float (C, h, w).
        coverage: float (h, w) in [0, 1].
    """
    return F.normalize((F.normalize(features, dim=0) * coverage).sum(dim=(1, 2)), dim=0)


def mean_features(concept: Concept) -> torch.Tensor:
    """Averages the cells of the object in each of its V reference photos: float (V, C), unit vectors."""
    return torch.stack([mean_feature(view.features, view.coverage) for view in concept.views])


def likeness(mean: torch.Tensor, views: torch.Tensor) -> float:
    """Measures how alike a mean feature (C,) is to the most alike of several views (V, C), 0..1."""
    return min(1.0, max(0.0, float((views @ mean).max())))
