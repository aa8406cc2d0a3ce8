"""One set of options on its way through sequences: its scores, and its times."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vos.sam.config import ModelConfig
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, ImageEmbedding, LabelMap
from vos.tracking.config import TrackerConfig
from vos.tracking.merge import merge
from vos.tracking.registry import make_tracker
from vos.tracking.tracker import Tracker

Labels = npt.NDArray[np.uint8]
Measures = npt.NDArray[np.float64]  # (objects, 2): J and F


@dataclass
class Variant:
    """One row of the table: a tracker's options, its scores per set and object, and its times."""

    name: str
    model: ModelConfig
    tracker: TrackerConfig
    measures: dict[str, list[Measures]] = field(default_factory=dict)  # per set: (objects, 2), one per sequence
    starts: int = 0
    learning_seconds: float = 0.0  # of the first frames
    tracker_seconds: float = 0.0  # of all others
    total_seconds: float = 0.0
    frames: int = 0


class Follower:
    """One variant on its way through one sequence."""

    def __init__(self, variant: Variant, model: Segmenter, reference: LabelMap) -> None:
        self.variant, self.reference = variant, reference
        self.tracker: Tracker = make_tracker(variant.tracker, model)
        self.measures: list[Measures] = []

    def see(self, embedding: ImageEmbedding, frame: Frame, encoding: float) -> Labels:
        """Follows the objects into the next frame; returns its labels.

        Args:
            embedding: of the frame.
            frame: the next one.
            encoding: seconds that it took.
        """
        begin = time.perf_counter()
        if frame.index == 0:
            tracked = self.tracker.start(embedding, self.reference, frame)
            self.variant.learning_seconds += time.perf_counter() - begin
            self.variant.starts += 1
        else:
            tracked = self.tracker.step(embedding, frame)
            self.variant.frames += 1
        between = time.perf_counter()
        edges, ids = self.variant.tracker.outlines, self.reference.object_ids
        labels = merge(tracked, embedding.geometry, frame, ids, edges=edges).label_map.labels
        if frame.index > 0:
            self.variant.tracker_seconds += between - begin
            self.variant.total_seconds += encoding + time.perf_counter() - begin
        return labels
