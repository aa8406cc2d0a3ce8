"""Hard masks: a palette PNG per frame, as the DAVIS tools read them, or COCO results in one JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from pycocotools import mask as coco_mask

from vos.errors import VosError
from vos.io.masks.label_map import write_label_map
from vos.io.writers.base import Writer
from vos.io.written import NO_LOSS
from vos.structures import SegmentedFrame


class MaskWriter(Writer):
    """Writes ``<folder>/<frame name>.png``, palette indices = object ids.

    The folder appears as a whole when all frames are there, and replaces an earlier run's.

    Args:
        path: the folder, e.g. ``outputs/clip/masks``.

    Raises:
        VosError: the folder exists and holds anything but PNG files.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        if self.path.is_dir():
            names = {path.name for path in self.path.iterdir() if path.suffix.lower() != ".png"}
            foreign = sorted(names - set(NO_LOSS))
            if foreign:
                raise VosError(f"{self.path} holds other files than masks ({foreign[0]}); choose another output_dir")
        elif self.path.exists():
            raise VosError(f"{self.path} is a file; masks need a folder: choose another output_dir")
        self._folder: Path | None = None

    def _write(self, segmented: SegmentedFrame) -> None:
        if self._folder is None:
            self._folder = self._temporary(self.path)
            self._folder.mkdir()
        write_label_map(self._folder / f"{segmented.frame.name}.png", segmented.label_map)


class RleWriter(Writer):
    """Writes COCO results, a JSON list with one entry per frame and object, streamed to disk.

    Each entry holds ``image_id`` (frame index), ``category_id`` (object id), ``segmentation`` (COCO's compressed RLE,
    ``size`` = [H, W]), ``bbox`` [x, y, w, h], ``area`` in pixels, ``score`` (predicted IoU) and ``presence``.
    An absent object has an entry with area 0.
    """

    _file: TextIO | None = None
    _separator = "[\n"

    def _write(self, segmented: SegmentedFrame) -> None:
        if self._file is None:
            self._file = self._stack.enter_context(self._temporary(self.path).open("w", encoding="utf-8"))
        for entry in _coco_entries(segmented):
            self._file.write(self._separator + json.dumps(entry, separators=(",", ":")))
            self._separator = ",\n"

    def _finish(self) -> None:
        assert self._file is not None
        self._file.write("\n]\n" if self._separator == ",\n" else "[]\n")
        self._file.flush()  # a full disk shows here, not after the rename


def _coco_entries(segmented: SegmentedFrame) -> list[dict[str, Any]]:
    masks = segmented.label_map.masks().transpose(1, 2, 0)
    runs = coco_mask.encode(np.asfortranarray(masks, dtype=np.uint8)) if masks.shape[2] else []
    ids, ious, presences = segmented.label_map.object_ids, segmented.predicted_iou, segmented.presence
    return [
        {
            "image_id": segmented.frame.index,
            "category_id": object_id,
            "segmentation": {"size": list(run["size"]), "counts": run["counts"].decode("ascii")},
            "bbox": [float(v) for v in coco_mask.toBbox(run)],
            "area": int(coco_mask.area(run)),
            "score": round(float(iou), 6),
            "presence": presence.value,
        }
        for object_id, run, iou, presence in zip(ids, runs, ious, presences)
    ]
