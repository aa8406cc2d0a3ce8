"""summary.json: what was run, on what, and what was found in every frame."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vos.geometry import mask_box
from vos.io.writers.base import Writer
from vos.io.writers.spool import Spool
from vos.io.written import record_of
from vos.structures import SegmentedFrame


class SummaryWriter(Writer):
    """Writes one JSON object: ``header``, "object_names" by id, ``footer()``, "frames_to_check", "frames".

    Rows of frames go to disk as they come, so memory does not grow with the video. A row holds the frame's name, number
    and time in seconds, and per object id predicted IoU, area in pixels, box [x, y, width, height] or null, presence.

    Args:
        path: the JSON file. Entered before the other writers, it appears after them, as the mark of a complete run.
        header: what is known at the start.
        footer: gives what is known only at the end, such as timings.
        to_check: gives the frames to look at first, worst first; None = that is not told.
    """

    def __init__(
        self,
        path: str | Path,
        header: Mapping[str, Any],
        footer: Callable[[], Mapping[str, Any]],
        to_check: Callable[[], Iterable[Mapping[str, Any]]] | None = None,
    ) -> None:
        super().__init__(path)
        self.header, self.footer, self.to_check = header, footer, to_check
        self._rows = self._stack.enter_context(Spool())
        self._names: dict[int, str] = {}

    def _write(self, segmented: SegmentedFrame) -> None:
        self._names = {i: segmented.name_of(i) for i in segmented.label_map.object_ids}
        self._rows.add(json.dumps(_row(segmented)))

    def _finish(self) -> None:
        if (record := record_of(self.path)) is not None:
            record.sync()  # after a power failure no summary stands beside empty masks
        head = json.dumps({**self.header, "object_names": self._names, **self.footer()}, indent=2)
        with self._temporary(self.path).open("w", encoding="utf-8") as file:
            file.write(head.removesuffix("\n}"))
            if self.to_check is not None and (rows := [json.dumps(row) for row in self.to_check()]):
                file.write(',\n  "frames_to_check": [\n    ' + ",\n    ".join(rows) + "\n  ]")
            file.write(',\n  "frames": [\n    ')
            file.writelines(self._rows.joined(",\n    "))
            file.write("\n  ]\n}\n")


def _row(segmented: SegmentedFrame) -> dict[str, Any]:
    objects = {}
    for k, object_id in enumerate(segmented.label_map.object_ids):
        mask = segmented.label_map.labels == object_id
        corners = mask_box(mask)
        objects[str(object_id)] = {
            "predicted_iou": round(float(segmented.predicted_iou[k]), 6),
            "area": int(np.count_nonzero(mask)),
            "box": None if corners is None else [*map(int, corners[:2]), *map(int, corners[2:] - corners[:2] + 1)],
            "presence": segmented.presence[k].value,
        }
    frame = segmented.frame
    return {"frame": frame.name, "index": frame.index, "time": round(frame.time, 6), "objects": objects}
