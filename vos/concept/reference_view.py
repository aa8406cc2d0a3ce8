"""One reference photo of a concept: read from a file or an array, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vos.concept.reference_check import ReferenceCheck, check_reference
from vos.errors import VosError
from vos.geometry import Geometry, covered_cells, mask_box
from vos.io.images import read_image
from vos.io.masks.reference import read_reference
from vos.persam.published import PHOTO_MASK_VALUE, published_coverage
from vos.persam.target_feature import Pooling, observed_moments, target_feature
from vos.structures import ImageEmbedding, TargetFeature

Photo = str | Path | npt.NDArray[np.uint8]
Mask = str | Path | npt.NDArray[np.bool_] | npt.NDArray[np.uint8]
THUMBNAIL_SIDE = 192  # longer side, pixels
PICTURE_SIDE = 768  # likewise, of the part of the photo that is kept
LEAST_MARGIN = 4  # pixels around an object, whatever its size
PICTURE_MARGIN = 1.0  # of that part beyond the object on each side, share of the object's longer side


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceView:
    """One reference photo of a concept.

    Attributes:
        features: float32 (C, h, w), the photo's embedding, on the CPU.
        coverage: float32 (h, w) in [0, 1], the share of each cell that the object covers.
        moments: per scale float32 (C' + 1, C' + 2), see :class:`vos.structures.TargetFeature`.
        published_cells: bool (h, w), the cells that the published code would pool (``method=persam_published``).
        geometry: of the photo.
        area: of the mask, original pixels.
        check: what is wrong with it.
        thumbnail: uint8 (H', W', 4) RGBA, the photo in small with the mask as alpha, for people.
        picture: uint8 (H', W', 4) RGBA, the object and what is around it, at the photo's own resolution where that is
            not too large, with the mask as alpha: what another model, or a closer look, encodes. None in concept files
            of before 0.4.0.
    """

    features: torch.Tensor
    coverage: torch.Tensor
    moments: tuple[torch.Tensor, ...]
    published_cells: torch.Tensor
    geometry: Geometry
    area: float
    check: ReferenceCheck
    thumbnail: npt.NDArray[np.uint8]
    picture: npt.NDArray[np.uint8] | None = None

    def target(self, pooling: Pooling = "max_mean") -> TargetFeature:
        """Describes what the object looks like in this photo."""
        return replace(target_feature(self.features, self.coverage, pooling), moments=self.moments)


def as_rgb(image: Photo) -> npt.NDArray[np.uint8]:
    """Returns a photo as uint8 (H, W, 3) RGB, from a file or an array.

    Raises:
        VosError: a file that cannot be read, or an array of another kind.
    """
    if isinstance(image, (str, Path)):
        return read_image(image)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        kind = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise VosError(f"the image is {kind}; give a file or a uint8 array (H, W, 3), RGB")
    if min(image.shape) < 1:
        raise VosError(f"the image is empty: {image.shape}")
    return image


def as_mask(
    mask: Mask, size: tuple[int, int], object_id: int | None = None, photo: Photo | None = None
) -> npt.NDArray[np.bool_]:
    """Returns a reference mask as bool (H, W), from a file or an array.

    Args:
        mask: a file, or an array (H, W); floating point is cut at half, as shares of the object are.
        size: (H, W) of its photo.
        object_id: the id to take; None = everything that is not background.
        photo: where this is a file, too, a mask that was drawn on it as it is stored is turned as the photo is.

    Raises:
        VosError: another size, no such object, or nothing in it.
    """
    if not isinstance(mask, (str, Path)):
        labels = np.asarray(mask)
        labels = np.greater(labels, 0.5) if labels.dtype.kind == "f" else labels
    elif isinstance(photo, (str, Path)):
        labels = read_reference(mask, photo=photo).labels
    else:
        labels = read_reference(mask, size).labels
    if labels.shape != size:
        raise VosError(f"the mask is {labels.shape}, its photo {size} (height x width); draw it at the photo's size")
    filled = labels != 0 if object_id is None else labels == object_id
    if not filled.any():
        ids = ", ".join(str(i) for i in np.unique(labels) if i) or "none"
        raise VosError(f"the mask holds no object {'' if object_id is None else object_id} (ids in it: {ids})")
    return np.asarray(filled, dtype=np.bool_)


def reference_view(rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], embedding: ImageEmbedding) -> ReferenceView:
    """Keeps of a reference photo what the methods need.

    Args:
        rgb: uint8 (H, W, 3).
        mask: bool (H, W), not empty.
        embedding: of the photo.
    """
    geometry = embedding.geometry
    features = embedding.features.detach().float().cpu().clone()
    coverage = geometry.mask_to_grid(torch.from_numpy(mask)[None])[0]
    low_res = geometry.mask_to_low_res(torch.from_numpy(mask)[None])[0]
    published = published_coverage(mask, geometry, PHOTO_MASK_VALUE)
    return ReferenceView(
        features=features,
        coverage=coverage,
        moments=tuple(each[0].cpu() for each in observed_moments(embedding, low_res[None].to(embedding.features))),
        published_cells=covered_cells(published),
        geometry=geometry,
        area=float(mask.sum()),
        check=check_reference(mask, features, coverage, target_feature(features, coverage), geometry),
        thumbnail=_at_most(np.dstack([rgb, mask.astype(np.uint8) * 255]), THUMBNAIL_SIDE),
        picture=_picture(rgb, mask),
    )


def _picture(rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Cuts out the object with its surroundings, as RGBA; the mask keeps at least a pixel."""
    box = mask_box(mask)
    assert box is not None  # no reference is empty
    area = square_around(box, mask.shape, PICTURE_MARGIN)
    picture = _at_most(np.dstack([rgb[area], mask[area].astype(np.uint8) * 255]), PICTURE_SIDE)
    alpha = picture[..., 3]
    alpha[:] = np.where(alpha >= min(128, int(alpha.max())), 255, 0)
    return picture


def square_around(box: npt.NDArray[np.float32], size: tuple[int, ...], margin: float) -> tuple[slice, slice]:
    """Finds the rows and columns of the square around an object, as far as it lies inside its image.

    Args:
        box: float32 (4,) as (x0, y0, x1, y1), first and last pixel of the object.
        size: (H, W) of the image.
        margin: beyond the object on each side, share of its longer side.
    """
    half = max(box[2] - box[0] + 1, box[3] - box[1] + 1) * (0.5 + margin) + LEAST_MARGIN
    spans = []
    for axis in (1, 0):
        middle = (box[axis] + box[axis + 2]) / 2
        spans.append(slice(int(max(0, middle - half)), int(min(size[1 - axis], np.ceil(middle + half)))))
    return spans[0], spans[1]


def _at_most(rgba: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Reduces a picture (H, W, 4) to ``side`` pixels on its longer side, if it is larger."""
    height, width = rgba.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(rgba, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
