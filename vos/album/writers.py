"""What is written for each photo of an album. Every file appears under its final name only when it is complete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vos.io.images import write_image
from vos.io.masks.label_map import write_label_map
from vos.io.render import cutout, edge_alpha, on_background, overlay, union_alpha
from vos.structures import LabelMap, SegmentedFrame

Rgb = npt.NDArray[np.uint8]

EDGE = 9  # pixels around the object that keep their colour under a cut-out's full transparency, for soft enlarging


def write_photo(output: str, folder: Path, photo: SegmentedFrame) -> Path | None:
    """Writes one output of one photo.

    Args:
        output: one of ``PHOTO_OUTPUTS``.
        folder: of the album's results; the file goes into ``<folder>/<output>/``, in folders as the photo's name has.
        photo: with ``alpha``.

    Returns:
        The file, or None where there is no object to show (cut-outs and backgrounds).

    Raises:
        VosError: the disk is full, or the place cannot be written.
    """
    suffix, write, shows_absence = PHOTO_OUTPUTS[output]
    path = folder / output / f"{photo.frame.name}{suffix}"
    if not shows_absence and not photo.label_map.labels.any():
        path.unlink(missing_ok=True)  # of an earlier run with other options
        return None
    write(path, photo)
    return path


def _write_mask(path: Path, photo: SegmentedFrame) -> None:
    write_label_map(path, photo.label_map)


def _write_overlay(path: Path, photo: SegmentedFrame) -> None:
    write_image(path, overlay(photo.frame.rgb, photo.label_map))


def _contour_alpha(photo: SegmentedFrame) -> npt.NDArray[np.uint8]:
    """Joins all objects' masks, soft along the contour alone, uint8 (H, W)."""
    return edge_alpha(union_alpha(photo, "max"))


def _write_cutout(path: Path, photo: SegmentedFrame) -> None:
    alpha = _contour_alpha(photo)
    near = cv2.dilate(alpha, np.ones((EDGE, EDGE), np.uint8)) > 0
    write_image(path, cutout(np.where(near[..., None], photo.frame.rgb, 0).astype(np.uint8), alpha))


def _write_white(path: Path, photo: SegmentedFrame) -> None:
    write_image(path, on_background(photo.frame.rgb, _contour_alpha(photo), (255, 255, 255)))


def _write_blur(path: Path, photo: SegmentedFrame) -> None:
    write_image(path, on_background(photo.frame.rgb, _contour_alpha(photo), "blur"))


PHOTO_OUTPUTS: dict[str, tuple[str, Callable[[Path, SegmentedFrame], None], bool]] = {
    "masks": (".png", _write_mask, True),
    "overlay": (".jpg", _write_overlay, True),
    "cutout": (".png", _write_cutout, False),
    "white": (".jpg", _write_white, False),
    "blur": (".jpg", _write_blur, False),
}
"""Name of an output -> suffix, what writes it, whether it is written where nothing was found."""


def write_instances(folder: Path, name: str, masks: npt.NDArray[np.bool_]) -> Path:
    """Writes ``<folder>/instances/<name>.png``, a label map in which every instance has its own id, from 1 on.

    Args:
        folder: of the album's results.
        name: of the photo.
        masks: bool (N, H, W), best first; where they overlap, the better one wins. At most 255 are written.
    """
    labels = np.zeros(masks.shape[1:], np.uint8)
    for number in range(min(len(masks), 255), 0, -1):
        labels[masks[number - 1]] = number
    path = folder / "instances" / f"{name}.png"
    write_label_map(path, LabelMap(labels, tuple(range(1, min(len(masks), 255) + 1))))
    return path
