"""Masks as COCO results: run-length encoded, in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from pycocotools import mask as coco_mask

from vos.io.writers.base import Writer
from vos.structures import SegmentedFrame


class RleWriter(Writer):
    """Writes a JSON list with one entry per frame and object, streamed to disk.

    Each entry holds ``image_id`` (frame index), ``category_id`` (object id), ``segmentation`` (COCO's compressed RLE,
    ``size`` = [H, W]), ``bbox`` [x, y, w, h], ``area`` in pixels, ``score`` (predicted IoU) and ``presence``.
    An absent object has an entry with area 0.

    Args:
        path: the JSON file.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._file: TextIO | None = None
        self._separator = "[\n"

    def _write(self, segmented: SegmentedFrame) -> None:
        if self._file is None:
            self._file = self._stack.enter_context(self._temporary(self.path).open("w", encoding="utf-8"))
        for entry in frame_entries(segmented):
            self._file.write(self._separator + json.dumps(entry, separators=(",", ":")))
            self._separator = ",\n"

    def _finish(self) -> None:
        assert self._file is not None
        self._file.write("\n]\n" if self._separator == ",\n" else "[]\n")
        self._file.flush()  # a full disk shows here, not after the rename


def frame_entries(segmented: SegmentedFrame) -> list[dict[str, Any]]:
    """The COCO results entries of one frame, see :class:`RleWriter`."""
    masks = segmented.label_map.masks().transpose(1, 2, 0)
    runs = coco_mask.encode(np.asfortranarray(masks, dtype=np.uint8)) if masks.shape[2] else []
    return [
        {
            "image_id": segmented.frame.index,
            "category_id": object_id,
            "segmentation": {"size": list(run["size"]), "counts": run["counts"].decode("ascii")},
            "bbox": [float(v) for v in coco_mask.toBbox(run)],
            "area": int(coco_mask.area(run)),
            "score": round(float(score), 6),
            "presence": presence.value,
        }
        for object_id, run, score, presence in zip(
            segmented.label_map.object_ids, runs, segmented.predicted_iou, segmented.presence
        )
    ]
