"""COCO results in one JSON file, as this program writes them, read back frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from vos.errors import VosError
from vos.structures import LabelMap


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
