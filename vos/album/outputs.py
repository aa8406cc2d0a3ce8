"""From what was found in a photo to its files and its row in the tables. A file appears only when it is complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vos.album.config import DreamboothConfig
from vos.album.dreambooth import parse_background, square_crop, write_crop
from vos.album.records import relative_files
from vos.io.background import BLUR, Background, background_file
from vos.io.contact_sheet import thumbnail
from vos.io.images import write_image
from vos.io.masks.label_map import write_label_map
from vos.io.render import cutout, edge_alpha, on_background, overlay, union_alpha
from vos.io.written import NOTES
from vos.photos.result import PhotoResult
from vos.structures import Frame, LabelMap, SegmentedFrame

THUMBNAILS = f"{NOTES}/thumbnails"  # for the contact sheet of a later run
EDGE = 9  # pixels around the object that keep their colour under a cut-out's full transparency, for soft enlarging

Rgb = npt.NDArray[np.uint8]


def _contour_alpha(photo: SegmentedFrame) -> npt.NDArray[np.uint8]:
    """Joins all objects' masks, soft along the contour alone, uint8 (H, W)."""
    return edge_alpha(union_alpha(photo, "max"))


def _cutout(photo: SegmentedFrame) -> npt.NDArray[np.uint8]:
    alpha = _contour_alpha(photo)
    near = cv2.dilate(alpha, np.ones((EDGE, EDGE), np.uint8)) > 0
    return cutout(np.where(near[..., None], photo.frame.rgb, 0).astype(np.uint8), alpha)


def _composite(photo: SegmentedFrame, background: str) -> npt.NDArray[np.uint8]:
    with Background(background) as behind:
        return on_background(photo.frame.rgb, _contour_alpha(photo), behind.at(0.0, photo.frame.size))


PICTURES: dict[str, tuple[str, Callable[[SegmentedFrame], npt.NDArray[np.uint8]]]] = {
    "overlay": (".jpg", lambda photo: overlay(photo.frame.rgb, photo.label_map)),
    "cutout": (".png", _cutout),
    "white": (".jpg", lambda photo: on_background(photo.frame.rgb, _contour_alpha(photo), (255, 255, 255))),
    "blur": (".jpg", lambda photo: on_background(photo.frame.rgb, _contour_alpha(photo), "blur")),
}
"""Name of an output -> suffix, and what draws it."""
PHOTO_OUTPUTS = ("masks", *PICTURES, "composite")
OUTPUTS = (*PHOTO_OUTPUTS, "dreambooth")


def write_photo(output: str, folder: Path, photo: SegmentedFrame, background: str = BLUR) -> Path | None:
    """Writes one output of one photo.

    Args:
        output: one of ``PHOTO_OUTPUTS``.
        folder: of the album's results; the file goes into ``<folder>/<output>/``, in folders as the photo's name has.
        photo: with ``alpha``.
        background: of the composite, see :class:`vos.io.background.Background`.

    Returns:
        The file, or None where there is no object to show (cut-outs and backgrounds).

    Raises:
        VosError: the disk is full, or the place cannot be written.
    """
    suffix, drawn = PICTURES.get(output, (".png", None))
    if output == "composite":
        suffix, drawn = ".jpg", partial(_composite, background=background)
    path = folder / output / f"{photo.frame.name}{suffix}"
    if drawn is None:
        write_label_map(path, photo.label_map)
    elif output == "overlay" or photo.label_map.labels.any():
        write_image(path, drawn(photo))
    else:
        path.unlink(missing_ok=True)  # of an earlier run with other options
        return None
    return path


@dataclass(frozen=True)
class PhotoOutputs:
    """What is written for each photo, and where.

    Attributes:
        folder: of the album's results.
        names: of ``OUTPUTS``.
        instances: also a label map with an id per instance.
        dreambooth: options of the training pictures.
        background: of composites.
    """

    folder: Path
    names: Sequence[str] = ("masks", "overlay")
    instances: bool = False
    dreambooth: DreamboothConfig = field(default_factory=DreamboothConfig)
    background: str = BLUR

    def wanted(self) -> dict[str, str]:
        """Returns every output of a photo, thumbnails included, with the fingerprint of its own options."""
        names = ["thumbnails", *self.names, *(["instances"] if self.instances else [])]
        file = background_file(self.background) if "composite" in self.names else None
        behind = [self.background] if file is None else [str(file.resolve()), file.stat().st_size, file.stat().st_mtime]
        own = {"dreambooth": asdict(self.dreambooth), "composite": behind}
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
                path = write_photo(output, self.folder, segmented, self.background)
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
                alpha = edge_alpha(instance.alpha)
                picture, mask = square_crop(rgb, alpha, options.size, options.margin, background)
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
        alpha=np.stack([results[i].alpha for i in ids]),
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
