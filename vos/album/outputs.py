"""From what was found in a photo to its files and its row in the tables. A file appears only when it is complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vos.album.config import DreamboothConfig
from vos.album.dreambooth import parse_background, square_crop, write_crop
from vos.album.records import relative_files
from vos.io.background import BLUR, Background, background_file
from vos.io.config import SoftMaskConfig
from vos.io.contact_sheet import thumbnail
from vos.io.images import write_image
from vos.io.masks.label_map import write_label_map
from vos.io.render import cutout, on_background, overlay, union_alpha
from vos.io.written import NOTES
from vos.matting.alpha import soft_masks
from vos.matting.foreground import decontaminated
from vos.photos.result import PhotoResult
from vos.structures import Frame, LabelMap, SegmentedFrame

THUMBNAILS = f"{NOTES}/thumbnails"  # for the contact sheet of a later run
EDGE = 9  # pixels around the object that keep their colour under a cut-out's full transparency, for soft enlarging

SOFT_MASKS = SoftMaskConfig()

Rgb = npt.NDArray[np.uint8]


BACKGROUNDS = {"white": "white", "blur": BLUR}  # outputs that are composites with a background of their own
SOFT_OUTPUTS = ("cutout", *BACKGROUNDS, "composite")  # made of soft masks, where there is an object
PHOTO_OUTPUTS = ("masks", "overlay", *SOFT_OUTPUTS)
OUTPUTS = (*PHOTO_OUTPUTS, "dreambooth")


def write_photo(
    output: str,
    folder: Path,
    photo: SegmentedFrame,
    background: str = BLUR,
    matte: SoftMaskConfig = SOFT_MASKS,
) -> Path | None:
    """Writes one output of one photo.

    Args:
        output: one of ``PHOTO_OUTPUTS``.
        folder: of the album's results; the file goes into ``<folder>/<output>/``, in folders as the photo's name has.
        photo: for ``SOFT_OUTPUTS`` with ``alpha``.
        background: of the composite, see :class:`vos.io.background.Background`.
        matte: whether soft edges get the object's own colours.

    Returns:
        The file, or None where there is no object to show (cut-outs and backgrounds).

    Raises:
        VosError: the disk is full, or the place cannot be written.
    """
    path = folder / output / f"{photo.frame.name}{'.png' if output in ('masks', 'cutout') else '.jpg'}"
    if output == "masks":
        write_label_map(path, photo.label_map)
    elif output == "overlay":
        write_image(path, overlay(photo.frame.rgb, photo.label_map))
    elif photo.label_map.labels.any():
        write_image(path, _soft_picture(photo, BACKGROUNDS.get(output, background), output == "cutout", matte))
    else:
        path.unlink(missing_ok=True)  # of an earlier run with other options
        return None
    return path


def _soft_picture(photo: SegmentedFrame, background: str, is_cutout: bool, matte: SoftMaskConfig) -> Rgb:
    """Draws the objects alone, or on another background."""
    alpha = union_alpha(photo)
    rgb = decontaminated(photo.frame.rgb, alpha) if matte.decontaminate else photo.frame.rgb
    if is_cutout:
        near = cv2.dilate(alpha, np.ones((EDGE, EDGE), np.uint8)) > 0
        return cutout(np.where(near[..., None], rgb, 0).astype(np.uint8), alpha)
    with Background(background) as behind:
        return on_background(rgb, alpha, behind.at(0.0, photo.frame.size))


@dataclass(frozen=True)
class PhotoOutputs:
    """What is written for each photo, and where.

    Attributes:
        folder: of the album's results.
        names: of ``OUTPUTS``.
        instances: also a label map with an id per instance.
        dreambooth: options of the training pictures.
        background: of composites.
        matte: how soft masks are made.
    """

    folder: Path
    names: Sequence[str] = ("masks", "overlay")
    instances: bool = False
    dreambooth: DreamboothConfig = field(default_factory=DreamboothConfig)
    background: str = BLUR
    matte: SoftMaskConfig = field(default_factory=SoftMaskConfig)

    def wanted(self) -> dict[str, str]:
        """Returns every output of a photo, thumbnails included, with the fingerprint of its own options."""
        names = ["thumbnails", *self.names, *(["instances"] if self.instances else [])]
        file = background_file(self.background) if "composite" in self.names else None
        behind = [self.background] if file is None else [str(file.resolve()), file.stat().st_size, file.stat().st_mtime]
        soft = asdict(self.matte)
        own: dict[str, Any] = {name: [soft] for name in SOFT_OUTPUTS}
        own |= {"composite": [soft, *behind], "dreambooth": [soft, asdict(self.dreambooth)]}
        hashes = {name: hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest() for name, of in own.items()}
        return {name: hashes.get(name, "")[:16] for name in names}

    def write(
        self, name: str, rgb: Rgb, results: Mapping[int, PhotoResult], only: Sequence[str]
    ) -> tuple[dict[str, tuple[str, list[str]]], list[dict[str, Any]]]:
        """Writes the outputs ``only`` of the photo ``name``.

        Args:
            name: see :attr:`AlbumPhoto.name`.
            rgb: uint8 (H, W, 3).
            results: by object id.
            only: of :meth:`wanted`.

        Returns:
            ``outputs`` and ``crops`` of its :class:`PhotoRecord`.

        Raises:
            VosError: the disk is full, or the place cannot be written.
        """
        segmented, instances = as_segmented_frame(name, rgb, results), instance_map(rgb, results)
        if set(only) & set(SOFT_OUTPUTS):
            ids = segmented.label_map.object_ids
            soft = soft_masks(segmented.label_map.labels, ids, rgb, self.matte.quality)
            segmented = replace(segmented, alpha=soft)
        crops: list[dict[str, Any]] = []
        files: dict[str, tuple[str, list[str]]] = {}
        for output in only:
            if output == "thumbnails":
                paths = [self.folder / THUMBNAILS / f"{name}.jpg"]
                # Several instances of a single concept have colours of their own.
                own = len(results) == 1 and len(instances.object_ids) > 1
                write_image(paths[0], thumbnail(rgb, instances if own else segmented.label_map))
            elif output == "instances":
                paths = [self.folder / output / f"{name}.png"]
                write_label_map(paths[0], instances)
            elif output == "dreambooth":
                crops = self._write_crops(name, rgb, list(results.values()))
                paths = [self.folder / row["path"] for row in crops]
            else:
                path = write_photo(output, self.folder, segmented, self.background, self.matte)
                paths = [] if path is None else [path]
            files[output] = (self.wanted()[output], relative_files(paths, self.folder))
        return files, crops

    def _write_crops(self, name: str, rgb: Rgb, results: Sequence[PhotoResult]) -> list[dict[str, Any]]:
        """Writes a training picture per instance; returns their rows of metadata, with concept and path."""
        options, rows = self.dreambooth, []
        background = parse_background(options.background)
        for result in results:
            folder = self.folder / "dreambooth" / concept_folder(result.concept, len(results))
            for number, instance in enumerate(result.instances, start=1):
                alpha = soft_masks(instance.mask.view(np.uint8), [1], rgb, self.matte.quality)[0]
                own = decontaminated(rgb, alpha) if self.matte.decontaminate and background != "keep" else rgb
                picture, mask = square_crop(own, alpha, options.size, options.margin, background)
                file = write_crop(folder, name if number == 1 else f"{name}-{number}", picture, mask)
                text = options.text.replace("{concept}", result.concept)
                metadata = {"file_name": file.as_posix(), "text": text, "score": round(instance.score, 4)}
                path = (folder / "train" / file).relative_to(self.folder).as_posix()
                rows.append({"concept": result.concept, "path": path, "metadata": metadata})
        return rows


def as_segmented_frame(name: str, rgb: Rgb, results: Mapping[int, PhotoResult]) -> SegmentedFrame:
    """Joins several concepts' results in one photo to one label map; where they overlap, the best score wins.

    Args:
        name: of the photo.
        rgb: uint8 (H, W, 3).
        results: by object id.
    """
    labels = np.zeros(rgb.shape[:2], np.uint8)
    for object_id, result in sorted(results.items(), key=lambda item: item[1].score):
        labels[result.mask] = object_id
    ids = tuple(sorted(results))
    return SegmentedFrame(
        frame=Frame(0, name, 0.0, rgb),
        label_map=LabelMap(labels, ids),
        predicted_iou=np.array([results[i].score for i in ids], np.float32),
        presence=tuple(results[i].presence for i in ids),
    )


def instance_map(rgb: Rgb, results: Mapping[int, PhotoResult]) -> LabelMap:
    """Gives every instance an id of its own, from 1 on, at most 255; where they overlap, the earlier (better) wins."""
    masks = [instance.mask for result in results.values() for instance in result.instances][:255]
    labels = np.zeros(rgb.shape[:2], np.uint8)
    for number, mask in reversed(list(enumerate(masks, start=1))):
        labels[mask] = number
    return LabelMap(labels, tuple(range(1, len(masks) + 1)))


def describe(object_id: int, result: PhotoResult) -> dict[str, Any]:
    """Describes a result as a row of the album's tables; boxes as [x, y, width, height] in pixels."""
    instances = [
        {"score": round(float(i.score), 4), "box": _box(i.box), "area": int(i.mask.sum())} for i in result.instances
    ]
    return {
        "concept": result.concept,
        "id": object_id,
        "presence": result.presence.value,
        "score": round(float(result.score), 4),
        "box": _box(result.box),
        "area": int(result.mask.sum()),
        "instances": instances,
    }


def _box(box: npt.NDArray[np.float32] | None) -> list[int] | None:
    if box is None:
        return None
    x0, y0, x1, y1 = (round(float(v)) for v in box)
    return [x0, y0, x1 - x0 + 1, y1 - y0 + 1]


def concept_folder(name: str, count: int) -> str:
    """Names the folder of one concept's training pictures; none of its own where there is only one concept."""
    return "" if count == 1 else "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-") or "object"
