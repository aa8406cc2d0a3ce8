"""The PerSeg data set on disk, and its measures in the published protocol.

A root folder holds ``Images/<object>/00.jpg``, ``01.jpg``, ... and ``Annotations/<object>/00.png``, ...; photo 00 is
the reference. R. Zhang et al., "Personalize Segment Anything Model with One Shot", ICLR 2024; boundary IoU of
B. Cheng et al., "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation", CVPR 2021.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.evaluation.split_list import visible
from vos.io.images import open_image

Mask = npt.NDArray[np.bool_]

REFERENCE = "00"
BOUNDARY_WIDTH = 0.02
"""Width of the band inside a mask's contour that boundary IoU looks at, as a share of the image diagonal."""

_IMAGES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True, slots=True)
class PersegObject:
    """One object of the data set.

    Attributes:
        name: name of its folders.
        images: its photos by name ("00"); those without an annotation are left out.
        annotations: their masks by the same names, in order.
    """

    name: str
    images: dict[str, Path]
    annotations: dict[str, Path]

    @property
    def scored(self) -> tuple[str, ...]:
        """Names of the photos that count: all but the reference."""
        return tuple(name for name in self.annotations if name != REFERENCE)

    def results(self, folder: Path) -> dict[str, Path]:
        """Lists the result files ``<folder>/<object>/<name>.png`` that go with :attr:`scored`.

        Raises:
            VosError: one is missing; unlike in the published script it does not shift the others.
        """
        paths = {name: folder / self.name / f"{name}.png" for name in self.scored}
        missing = [path for path in paths.values() if not path.is_file()]
        if missing:
            raise VosError(
                f"photo {missing[0].stem} of object {self.name} is missing from the results: {missing[0]} "
                f"({len(missing)} of {len(paths)} photos missing)"
            )
        return paths


@dataclass(frozen=True, slots=True)
class PersegScore:
    """The measures of one object, each in [0, 1], over the pixels of all its photos but the reference.

    Attributes:
        name: the object.
        iou: intersection over union.
        boundary_iou: the same of the masks' boundary bands.
        accuracy: share of the object's pixels that were found.
        photo_iou: IoU of each photo by its name, to see which went wrong.
    """

    name: str
    iou: float
    boundary_iou: float
    accuracy: float
    photo_iou: dict[str, float]


def read_perseg(root: Path, only: Sequence[str] | None = None) -> list[PersegObject]:
    """Lists the objects of the data set, by name.

    Args:
        root: holds ``Images`` and ``Annotations``.
        only: names of the objects to keep, or None for all.

    Raises:
        VosError: a folder, a photo or a reference is missing; the message names it.
    """
    folder = root / "Annotations"
    if not folder.is_dir():
        raise VosError(f"{folder} does not exist; set dataset.root to the folder that holds Images and Annotations")
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    unknown = sorted(set(only or ()) - set(names))
    if unknown or not names:
        raise VosError(f"there is no object {unknown[0] if unknown else ''} in {folder}; it has {', '.join(names)}")
    return [_read_object(root, name) for name in names if only is None or name in only]


def score_results(
    objects: Sequence[PersegObject], results: Path, on_photo: Callable[[], object] = lambda: None
) -> list[PersegScore]:
    """Scores masks in the published protocol: the reference is left out, pixels are counted over an object's photos.

    Args:
        objects: from :func:`read_perseg`.
        results: holds ``<object>/<name>.png``, object where not black, each with its annotation's size.
        on_photo: called after each photo.

    Raises:
        VosError: a result is missing, damaged or of another size; the message names it.
    """
    if not results.is_dir():
        raise VosError(f"results folder {results} does not exist; it must hold <object>/01.png")
    files = [item.results(results) for item in objects]  # a missing one is told before the work begins
    return [_score(item, paths, on_photo) for item, paths in zip(objects, files)]


def overall(scores: Sequence[PersegScore]) -> tuple[float, float, float]:
    """Computes mIoU, bIoU and mAcc: means over the objects, each counting the same."""
    iou, boundary, accuracy = np.mean([(s.iou, s.boundary_iou, s.accuracy) for s in scores], axis=0)
    return float(iou), float(boundary), float(accuracy)


def boundary_band(mask: Mask, width: float = BOUNDARY_WIDTH) -> Mask:
    """Marks the pixels of a mask within ``width`` image diagonals (city-block of 3x3 steps) of its contour.

    What lies beyond the image's edge counts as background, so a cut-off object has a boundary there.

    Args:
        mask: bool (H, W).
        width: share of the image diagonal; at least one pixel is taken.
    """
    steps = max(1, round(width * math.hypot(*mask.shape)))
    core = cv2.erode(
        mask.astype(np.uint8),
        np.ones((3, 3), np.uint8),
        iterations=steps,
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(mask & (core == 0))


def read_mask(path: Path) -> Mask:
    """Reads a mask, bool (H, W): True where a palette index or gray value is not 0, or a colour is not black.

    Raises:
        VosError: the file cannot be read.
    """
    try:
        with open_image(path) as image:
            if image.mode in ("RGBA", "LA", "PA"):
                image = image.convert("RGBA").convert("RGB")
            values = np.asarray(image)
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for some broken PNGs
        raise VosError(f"cannot read mask {path}: {error}") from error
    return np.asarray(values.any(axis=2) if values.ndim == 3 else values != 0)


def _read_object(root: Path, name: str) -> PersegObject:
    annotations = {path.stem: path for path in visible((root / "Annotations" / name).glob("*.png"))}
    folder = root / "Images" / name
    found = {path.stem: path for path in visible(folder.glob("*")) if path.suffix.lower() in _IMAGES}
    missing = [stem for stem in annotations if stem not in found]
    if missing:
        raise VosError(f"photo {folder / missing[0]}.jpg is missing; there is an annotation of it")
    if REFERENCE not in annotations or len(annotations) < 2:
        raise VosError(
            f"object {name} needs {REFERENCE}.png, its reference, and one more in {root / 'Annotations' / name}"
        )
    return PersegObject(name, {stem: found[stem] for stem in annotations}, annotations)


def _score(item: PersegObject, results: dict[str, Path], on_photo: Callable[[], object]) -> PersegScore:
    counts = []
    for name, path in results.items():
        gt, pred = read_mask(item.annotations[name]), read_mask(path)
        if gt.shape != pred.shape:
            sizes = [f"{mask.shape[1]}x{mask.shape[0]}" for mask in (pred, gt)]
            raise VosError(f"result {path} is {sizes[0]}, its annotation is {sizes[1]} (width x height)")
        counts.append((*_overlap(gt, pred), *_overlap(boundary_band(gt), boundary_band(pred)), np.count_nonzero(gt)))
        on_photo()
    both, either, boundary_both, boundary_either, target = np.array(counts).sum(axis=0)
    return PersegScore(
        item.name,
        _ratio(both, either),
        _ratio(boundary_both, boundary_either),
        _ratio(both, target),
        {name: _ratio(row[0], row[1]) for name, row in zip(results, counts)},
    )


def _overlap(gt: Mask, pred: Mask) -> tuple[int, int]:
    return int(np.count_nonzero(gt & pred)), int(np.count_nonzero(gt | pred))


def _ratio(part: int, whole: int) -> float:
    return float(part / whole) if whole else 0.0  # the published script's value, too, where there is nothing
