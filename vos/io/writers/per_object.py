"""Any output once for each object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vos.io.clip import Clip
from vos.io.writers.base import FolderWriter, Writer
from vos.structures import LabelMap, SegmentedFrame


class PerObjectWriter(FolderWriter):
    """Writes ``<folder>/<object id><suffix>``, by the reference's ids.

    Args:
        path: the folder.
        clip: what is said of the clip.
        suffix: of the files, with the dot.
        make: makes the writer of one object's file.
    """

    def __init__(self, path: str | Path, clip: Clip, suffix: str, make: Callable[[Path], Writer]) -> None:
        super().__init__(path)
        self.clip, self.suffix, self.make = clip, suffix, make
        self._writers: dict[int, Writer] = {}

    def _write(self, segmented: SegmentedFrame) -> None:
        for object_id in segmented.label_map.object_ids:
            if object_id not in self._writers:
                path = self._folder / f"{self.clip.original_id(object_id)}{self.suffix}"
                self._writers[object_id] = self._stack.enter_context(self.make(path))
            self._writers[object_id].write(alone(segmented, object_id))


def alone(segmented: SegmentedFrame, object_id: int) -> SegmentedFrame:
    """Returns the result of one object, as if there were no others."""
    k = segmented.label_map.object_ids.index(object_id)
    labels = segmented.label_map.labels
    return replace(
        segmented,
        label_map=LabelMap(labels * (labels == object_id), (object_id,)),
        predicted_iou=segmented.predicted_iou[k : k + 1],
        presence=segmented.presence[k : k + 1],
        alpha=None if segmented.alpha is None else segmented.alpha[k : k + 1],
        soften=None,
    )
