"""Label maps on disk: the palette PNGs that this program writes. Masks that users draw go through ``reference``."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from vos.errors import VosError
from vos.io.atomic import atomic_path
from vos.io.images import open_image
from vos.io.masks.colours import davis_palette
from vos.structures import LabelMap


def write_label_map(path: str | Path, label_map: LabelMap) -> None:
    """Writes a palette PNG whose indices are the object ids, with DAVIS' colours. Appears only when complete.

    Raises:
        VosError: the disk is full, or the place cannot be written.
    """
    # Pillow, because OpenCV destroys palettes.
    image = Image.fromarray(label_map.labels)
    image.putpalette(davis_palette().tobytes())
    with atomic_path(path) as temporary:
        # Runs of one id are all that there is to compress: in less than half of the time, and smaller.
        image.save(temporary, format="PNG", compress_level=1, compress_type=zlib.Z_RLE)


def read_label_map(path: str | Path) -> LabelMap:
    """Reads exact ids, palette index or gray value, as DAVIS' annotations and our results store them.

    Returns:
        Labels in the image's own pixels; ``object_ids`` are the ids that occur, perhaps none.

    Raises:
        VosError: as :func:`read_labels`.
    """
    labels = read_labels(path)
    return LabelMap(labels, tuple(int(i) for i in np.unique(labels) if i))


def read_labels(path: str | Path) -> npt.NDArray[np.uint8]:
    """Reads exact ids, uint8 (H, W): palette index or gray value; without looking which ones there are.

    Raises:
        VosError: missing, damaged, or neither a palette nor an 8-bit grayscale image.
    """
    with open_image(path) as image:
        if image.mode not in ("P", "L", "1"):
            raise VosError(f"{path} has mode {image.mode}; a label map is a palette or 8-bit grayscale PNG")
        try:
            return np.array(image).astype(np.uint8, copy=False)
        except Exception as error:  # Pillow raises nearly anything on damaged bytes
            raise VosError(f"{path} is damaged and cannot be read as a label map") from error
