"""COCO's run lengths of masks, and the file of them that this program writes, read back frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from vos.errors import VosError
from vos.structures import LabelMap


@dataclass(frozen=True, slots=True)
class RunLengths:
    """One mask.

    Attributes:
        size: (H, W).
        counts: COCO's compressed run lengths, column by column.
        box: (x, y, width, height) in pixels; zeros where the mask is empty.
        area: pixels.
    """

    size: tuple[int, int]
    counts: str
    box: tuple[int, int, int, int]
    area: int

    def as_coco(self) -> dict[str, Any]:
        """Returns the mask as COCO's files hold it."""
        return {"size": list(self.size), "counts": self.counts}


def encode_masks(masks: npt.NDArray[np.bool_]) -> list[RunLengths]:
    """Encodes masks, bool (N, H, W)."""
    found = coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0), dtype=np.uint8)) if len(masks) else []
    return [_measured(run) for run in found]


def _measured(run: Any) -> RunLengths:
    height, width = map(int, run["size"])
    x, y, across, down = map(int, coco_mask.toBbox(run))
    return RunLengths((height, width), run["counts"].decode("ascii"), (x, y, across, down), int(coco_mask.area(run)))


def read_run_lengths(path: str | Path) -> Iterator[LabelMap]:
    """Reads the label maps of a video, in the order of its frames, from a file of ``vos.io.writers.masks.RleWriter``.

    Raises:
        VosError: the file is damaged, or another program wrote it.
    """
    for _, entries in groupby(_entries(Path(path)), key=lambda entry: entry["image_id"]):
        every = {entry["category_id"]: entry["segmentation"] for entry in entries}
        try:
            labels = np.zeros(next(iter(every.values()))["size"], np.uint8)
            for object_id, run in every.items():
                labels[coco_mask.decode({**run, "counts": run["counts"].encode("ascii")}) > 0] = object_id
            label_map = LabelMap(labels, tuple(sorted(every)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise VosError(f"{path} is damaged: its run lengths cannot be read") from error
        yield label_map


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """Reads the entries, one on each line between the brackets."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            text = line.strip().removesuffix(",")
            if text in ("[", "]", "[]"):
                continue
            try:
                entry = json.loads(text)
                _ = entry["image_id"], entry["category_id"], entry["segmentation"]
            except (ValueError, KeyError, TypeError) as error:
                raise VosError(f"{path} has no entry of a video's results on each line, or is damaged") from error
            yield entry
