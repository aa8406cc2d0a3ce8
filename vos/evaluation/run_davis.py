"""Tracks the objects of DAVIS sequences, in the protocol of semi-supervised segmentation: the first mask is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vos.evaluation.davis import DavisSequence
from vos.evaluation.runner import Job
from vos.io.readers.folder import FolderSource
from vos.io.writers import MaskWriter
from vos.sam.segmenter import Segmenter
from vos.structures import LabelMap
from vos.tracking.config import TrackerConfig
from vos.tracking.registry import make_tracker
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Reference


def sequence_jobs(
    sequences: Sequence[DavisSequence], model: Segmenter, config: TrackerConfig, batch_size: int, fingerprint: str
) -> list[Job]:
    """One job per sequence, which writes ``00000.png`` and on.

    Args:
        sequences: to be tracked.
        model: for all of them.
        config: options of the tracker.
        batch_size: frames encoded together.
        fingerprint: hash of everything that the masks depend on.
    """

    def work(sequence: DavisSequence, folder: Path, on_frame: Callable[[], object]) -> float:
        return run_sequence(sequence, model, config, batch_size, folder, on_frame)

    jobs = []
    for sequence in sequences:
        names = tuple(path.name for path in sequence.annotations)
        jobs.append(Job(sequence.name, names, fingerprint, partial(work, sequence), {"frames": len(names)}))
    return jobs


def run_sequence(
    sequence: DavisSequence,
    model: Segmenter,
    config: TrackerConfig,
    batch_size: int,
    folder: Path,
    on_frame: Callable[[], object],
) -> float:
    """Tracks the objects of the first annotation through one sequence and writes all masks into ``folder``.

    Returns:
        Seconds from the first frame's file to the last mask's.
    """
    labels = sequence.reference()
    ids = tuple(int(i) for i in np.unique(labels) if i)
    start = time.perf_counter()
    model = model.for_objects(len(ids))
    with FolderSource(str(sequence.image_folder), sequence.images()) as source, MaskWriter(folder) as writer:
        tracker = make_tracker(config, model)

        def count(index: int) -> None:
            on_frame()

        pipeline = VideoPipeline(model, tracker, [writer], batch_size, edges=config.outlines, on_frame=count)
        segment_video(source, [Reference(0, LabelMap(labels, ids))], pipeline)
    return time.perf_counter() - start
