"""Judges the frames of sequences with truth, as a run does, and keeps what was found: tracking takes a while."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibrating.fit import Judgements
from vos.evaluation.davis import DavisSequence, read_annotation
from vos.evaluation.jf import region_similarity
from vos.evaluation.jobs import given_references, track_sequence
from vos.io.atomic import atomic_path
from vos.report.checks import FrameChecks
from vos.report.risk import RiskModel
from vos.report.signs import NAMES
from vos.sam.segmenter import Segmenter
from vos.structures import SegmentedFrame
from vos.tracking.config import TrackerConfig

COLUMNS = ("frame", "object", "iou", *NAMES)

UNFITTED = RiskModel(0.0, (0.0,) * len(NAMES), (0.0,) * len(NAMES))
Row = tuple[int, int, float, tuple[float, ...]]


class Judge:
    """Takes results, and compares those with truth.

    Args:
        sequence: whose results they are.
    """

    def __init__(self, sequence: DavisSequence) -> None:
        self.rows: list[Row] = []
        self._read = partial(read_annotation, year=sequence.year)
        self._annotations = {path.stem: path for path in sequence.annotations}
        self._checks = FrameChecks([reference.frame_index for reference in given_references(sequence)], UNFITTED)

    def write(self, segmented: SegmentedFrame) -> None:
        """Takes the next frame's result."""
        frame, signs = segmented.frame, self._checks.add(segmented).signs
        if frame.name not in self._annotations:
            return
        truth = self._read(self._annotations[frame.name])
        for object_id, told in signs.items():
            iou = region_similarity(truth == object_id, segmented.label_map.labels == object_id)
            self.rows.append((frame.index, object_id, iou, told.values()))


def judge_sequence(sequence: DavisSequence, model: Callable[[], Segmenter], config: TrackerConfig, kept: Path) -> Path:
    """Tracks a sequence and keeps its judged objects in a table, if there is none yet; returns its path.

    Args:
        sequence: to be tracked.
        model: loads what tracks.
        config: options of the tracker.
        kept: the table.
    """
    if not kept.exists():
        judge = Judge(sequence)
        track_sequence(sequence, model(), config, 1, [judge])
        with atomic_path(kept) as path, path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            table.writerows([frame, object_id, f"{iou:.6f}", *values] for frame, object_id, iou, values in judge.rows)
    return kept


def read_judged(path: Path, group: str) -> Judgements:
    """Reads a table; without frames that are not listed it may be empty.

    Args:
        path: of :func:`judge_sequence`.
        group: the set that the sequence is of.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
    values: npt.NDArray[np.float64] = np.array(rows, np.float64).reshape(-1, len(COLUMNS))
    return Judgements(group, values[:, 0].astype(np.int64), values[:, 3:], values[:, 2])
