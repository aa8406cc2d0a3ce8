"""Reference masks of photos: the same way up as the photo is seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vos.errors import VosError
from vos.io.images import open_image
from vos.io.masks.reference import read_references
from vos.structures import LabelMap, SizeHW

_ORIENTATION = 0x0112  # EXIF tag
_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


def read_photo_masks(masks: Sequence[str | Path], photos: Sequence[str | Path]) -> list[LabelMap]:
    """Reads the masks of photos, turned the way :func:`vos.io.images.read_image` turns the photos.

    Cameras store photos sideways with a note how to turn them (EXIF orientation). Programs that draw masks either
    turn the photo first, or do not know of the note. So: a mask with a note of its own is turned by that; else one
    that has the upright photo's size is taken as it is; else one that has the stored photo's size is turned as the
    photo is. A photo turned by 180 degrees has one size both ways: its mask is taken as upright.

    Args:
        masks: files as in :func:`vos.io.masks.label_map.read_references`; a colour is the same object in all of them.
        photos: their photos, as many.

    Raises:
        VosError: a file is missing or damaged, or a mask has neither size of its photo.
    """
    if len(masks) != len(photos):
        raise VosError(f"{len(photos)} reference photos and {len(masks)} masks; give one mask per photo")
    labels = read_references(masks)
    return [_turned(label_map, Path(m), Path(p)) for label_map, m, p in zip(labels, masks, photos)]


def _turned(label_map: LabelMap, mask: Path, photo: Path) -> LabelMap:
    own, _ = _stored(mask)
    orientation, stored = _stored(photo)
    upright = stored[::-1] if orientation in _SIDEWAYS else stored
    image = Image.fromarray(label_map.labels)
    if own != 1:
        image = image.transpose(_TURNED[own])
    elif label_map.size != upright and label_map.size == stored:
        image = image.transpose(_TURNED[orientation])
    labels = np.array(image)
    if labels.shape != upright:
        raise VosError(
            f"mask {mask} is {labels.shape[0]}x{labels.shape[1]}, but its photo {photo} is {upright[0]}x{upright[1]} "
            "(height x width); draw it at the photo's size"
        )
    return LabelMap(labels, label_map.object_ids)


def _stored(path: Path) -> tuple[int, SizeHW]:
    """EXIF orientation, 1..8 (1 = upright), and (H, W) as stored."""
    with open_image(path) as image:
        size = (image.height, image.width)
        try:
            orientation = image.getexif().get(_ORIENTATION, 1)
        except Exception:  # damaged EXIF: read_image takes the photo as it is stored, too
            return 1, size
    return (int(orientation) if orientation in _TURNED else 1), size
