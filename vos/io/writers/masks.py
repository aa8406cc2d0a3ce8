"""Hard masks: a palette PNG per frame, as the DAVIS tools read them, or COCO results in one JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vos.errors import VosError
from vos.io.masks.label_map import write_label_map
from vos.io.masks.run_lengths import encode_masks
from vos.io.writers.base import FolderWriter, TextWriter
from vos.io.written import NO_LOSS
from vos.structures import SegmentedFrame


class MaskWriter(FolderWriter):
    """Writes ``<folder>/<frame name>.png``, palette indices = object ids.

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

    def _write(self, segmented: SegmentedFrame) -> None:
        write_label_map(self._folder / f"{segmented.frame.name}.png", segmented.label_map)


class RleWriter(TextWriter):
    """Writes COCO results, a JSON list with one entry per frame and object, streamed to disk.

    Each entry holds ``image_id`` (frame index), ``category_id`` (object id), ``segmentation`` (COCO's compressed RLE,
    ``size`` = [H, W]), ``bbox`` [x, y, w, h], ``area`` in pixels, ``score`` (predicted IoU) and ``presence``.
    An absent object has an entry with area 0.
    """

    _separator = "[\n"

    def _write(self, segmented: SegmentedFrame) -> None:
        for entry in _coco_entries(segmented):
            self._file.write(self._separator + json.dumps(entry, separators=(",", ":")))
            self._separator = ",\n"

    def _finish(self) -> None:
        self._file.write("\n]\n" if self._separator == ",\n" else "[]\n")
        super()._finish()


def _coco_entries(segmented: SegmentedFrame) -> list[dict[str, Any]]:
    runs = encode_masks(segmented.label_map.masks())
    ids, ious, presences = segmented.label_map.object_ids, segmented.predicted_iou, segmented.presence
    return [
        {
            "image_id": segmented.frame.index,
            "category_id": object_id,
            "segmentation": run.as_coco(),
            "bbox": [float(v) for v in run.box],
            "area": run.area,
            "score": round(float(iou), 6),
            "presence": presence.value,
        }
        for object_id, run, iou, presence in zip(ids, runs, ious, presences)
    ]
