"""From what was found in a photo to its files and its row in the tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vos.album.config import DreamboothConfig
from vos.album.dreambooth import parse_background, square_crop, write_crop
from vos.album.records import relative_files
from vos.album.writers import PHOTO_OUTPUTS, write_instances, write_photo
from vos.io.contact_sheet import thumbnail
from vos.io.images import write_image
from vos.io.render import edge_alpha
from vos.photos.result import PhotoResult
from vos.structures import Frame, LabelMap, SegmentedFrame

OUTPUTS = (*PHOTO_OUTPUTS, "dreambooth")
THUMBNAILS = ".album/thumbnails"  # for the contact sheet of a later run

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PhotoOutputs:
    """What is written for each photo, and where.

    Attributes:
        folder: of the album's results.
        names: of ``OUTPUTS``.
        instances: also a label map with an id per instance.
        dreambooth: options of the training pictures.
    """

    folder: Path
    names: Sequence[str] = ("masks", "overlay")
    instances: bool = False
    dreambooth: DreamboothConfig = field(default_factory=DreamboothConfig)

    def wanted(self) -> dict[str, str]:
        """Every output of a photo, thumbnails included, with the fingerprint of its own options."""
        names = ["thumbnails", *self.names, *(["instances"] if self.instances else [])]
        crops = hashlib.sha256(json.dumps(asdict(self.dreambooth), sort_keys=True).encode()).hexdigest()[:16]
        return {name: crops if name == "dreambooth" else "" for name in names}

    def write(
        self, name: str, rgb: Rgb, results: dict[int, PhotoResult], only: Sequence[str]
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
        segmented, instances = (
            as_segmented_frame(name, rgb, results),
            [i for r in results.values() for i in r.instances],
        )
        crops: list[dict[str, Any]] = []
        files: dict[str, tuple[str, list[str]]] = {}
        for output in only:
            paths: list[Path | None]
            if output == "thumbnails":
                paths = [self.folder / THUMBNAILS / f"{name}.jpg"]
                write_image(self.folder / THUMBNAILS / f"{name}.jpg", _thumbnail(segmented, results))
            elif output == "instances":
                masks = np.stack([i.mask for i in instances]) if instances else np.zeros((0, *rgb.shape[:2]), np.bool_)
                paths = [write_instances(self.folder, name, masks)]
            elif output == "dreambooth":
                crops = self._write_crops(name, rgb, list(results.values()))
                paths = [self.folder / row["path"] for row in crops]
            else:
                paths = [write_photo(output, self.folder, segmented)]
            written = relative_files([path for path in paths if path is not None], self.folder)
            files[output] = (self.wanted()[output], written)
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


def as_segmented_frame(name: str, rgb: Rgb, results: dict[int, PhotoResult]) -> SegmentedFrame:
    """Several concepts' results in one photo as one label map; where they overlap, the best score wins.

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


def describe(object_id: int, result: PhotoResult) -> dict[str, Any]:
    """A result as a row of the album's tables; boxes as [x, y, width, height] in pixels."""
    return {
        "concept": result.concept,
        "id": object_id,
        "presence": result.presence.value,
        "score": round(float(result.score), 4),
        "box": _box(result.box),
        "area": int(np.count_nonzero(result.mask)),
        "instances": [
            {"score": round(float(i.score), 4), "box": _box(i.box), "area": int(np.count_nonzero(i.mask))}
            for i in result.instances
        ],
    }


def _box(box: npt.NDArray[np.float32] | None) -> list[int] | None:
    if box is None:
        return None
    x0, y0, x1, y1 = (round(float(v)) for v in box)
    return [x0, y0, x1 - x0 + 1, y1 - y0 + 1]


def _thumbnail(segmented: SegmentedFrame, results: dict[int, PhotoResult]) -> Rgb:
    """The objects outlined; several instances of a single concept in colours of their own."""
    instances = [instance.mask for result in results.values() for instance in result.instances]
    if len(results) > 1 or len(instances) < 2:
        return thumbnail(segmented.frame.rgb, segmented.label_map)
    labels = np.zeros(segmented.frame.size, np.uint8)
    for number, mask in reversed(list(enumerate(instances[:255], start=1))):
        labels[mask] = number
    return thumbnail(segmented.frame.rgb, LabelMap(labels, tuple(range(1, len(instances[:255]) + 1))))


def concept_folder(name: str, count: int) -> str:
    """Folder of one concept's training pictures; none of its own where there is only one concept."""
    return "" if count == 1 else "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-") or "object"
