"""J, F and time on video sequences, and what the tracker thought of each of its masks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
import torch
from tqdm import tqdm

from measures.tables import Cell, Pairs, Settings, Table, skipped
from vos.evaluation.davis import DavisSequence, read_dataset
from vos.evaluation.scoring import SequenceScore, overall, score_results
from vos.io.readers.folder import FolderSource
from vos.io.writers import MaskWriter
from vos.sam.segmenter import Segmenter
from vos.structures import LabelMap, SegmentedFrame
from vos.tracking.config import TrackerConfig
from vos.tracking.registry import make_tracker
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Reference

SETS = {"davis16": 2016, "multi": 2017}  # folder of the data -> how its masks are read


@dataclass
class Opinions:
    """A writer that keeps the predicted IoU of every mask that has pixels."""

    per_frame: list[dict[int, float]] = field(default_factory=list)

    def write(self, result: SegmentedFrame) -> None:
        """Takes one frame's result."""
        shown = set(np.unique(result.label_map.labels).tolist())
        ids = result.label_map.object_ids
        self.per_frame.append({i: float(p) for i, p in zip(ids, result.predicted_iou) if i in shown})


@dataclass
class Followed:
    """One sequence after its run: seconds per stage ("wall" = from the first file to the last mask)."""

    sequence: DavisSequence
    opinions: Opinions
    seconds: dict[str, float]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.sequence.annotations)


def measure_set(settings: Settings, name: str, model: Segmenter) -> tuple[Table, Pairs | None]:
    """Follows and scores the sequences of one set.

    Returns:
        The table and, for the calibration, predicted and true IoU of all objects and scored frames.
    """
    root, title = settings.data / name, f"Videos: {name}"
    if not root.is_dir():
        return skipped(name, title, root), None
    sequences = _sample(settings, read_dataset(root, SETS[name], "dev"))
    masks = settings.results / name
    with tqdm(total=sum(len(s.annotations) for s in sequences), desc=name, unit="frame") as bar:
        runs = [follow(sequence, model, settings, lambda index: bar.update()) for sequence in sequences]
    scores = score_results(sequences, masks, workers=1)
    first = [sequence.reference() for sequence in sequences]
    suited = [model.for_objects(int(np.count_nonzero(np.unique(labels)))).geometry(labels.shape) for labels in first]
    size = " or ".join(sorted({str(max(geometry.input_size)) for geometry in suited}))
    note = (
        f"`tracker=persam`, first frame given, longer side of the input {size} px; mean over all objects. Milliseconds "
        f"per frame on {_threads()}: encoding and tracking as work, whole = from the picture's file to the mask's, "
        "with reading and encoding ahead of the tracker and writing behind it. Learning: seconds on the reference "
        "before that."
    )
    header = ("sequence", "objects", "J", "F", "J&F", "s learning", "ms encoding", "ms tracking", "ms whole")
    return Table(name, title, header, _rows(runs, scores), note), _pairs(name, runs, scores)


def follow(sequence: DavisSequence, model: Segmenter, settings: Settings, on_frame: Callable[[int], None]) -> Followed:
    """Follows the objects of the first annotation; masks go to ``settings.results``/<set>/<sequence>."""
    labels = sequence.reference()
    ids = tuple(int(i) for i in np.unique(labels) if i)
    name = next(key for key, year in SETS.items() if year == sequence.year)
    begin, opinions, config = time.perf_counter(), Opinions(), TrackerConfig()
    model = model.for_objects(len(ids))
    source = FolderSource(str(sequence.image_folder), sequence.images())
    with source, MaskWriter(settings.results / name / sequence.name) as writer:
        tracker, edges = make_tracker(config, model), config.outlines
        pipeline = VideoPipeline(model, tracker, [writer, opinions], edges=edges, on_frame=on_frame)
        times = segment_video(source, [Reference(0, LabelMap(labels, ids))], pipeline)
    wall = time.perf_counter() - begin - times.seconds["learn"]
    return Followed(sequence, opinions, {**times.seconds, "wall": wall})


def _sample(settings: Settings, sequences: Sequence[DavisSequence]) -> list[DavisSequence]:
    sample = settings.sample
    return [replace(s, annotations=s.annotations[: sample.frames]) for s in sequences[: sample.sequences]]


def _rows(runs: Sequence[Followed], scores: Sequence[SequenceScore]) -> list[list[Cell]]:
    own = {name: list(group) for name, group in groupby(scores, key=lambda score: score.sequence)}
    rows = [_row(run.sequence.name, [run], own[run.sequence.name]) for run in runs]
    return [*rows, _row("mean", runs, scores)]


def _row(name: str, runs: Sequence[Followed], scores: Sequence[SequenceScore]) -> list[Cell]:
    j, f = (statistics.mean for statistics in overall(scores))
    frames = sum(run.frames for run in runs)
    times = [1000 * sum(run.seconds[stage] for run in runs) / frames for stage in ("encode", "track", "wall")]
    learning = sum(run.seconds["learn"] for run in runs) / len(runs)
    return [name, len(scores), j, f, (j + f) / 2, learning, *times]


def _pairs(name: str, runs: Sequence[Followed], scores: Sequence[SequenceScore]) -> Pairs:
    """Only of masks with pixels: an object called absent has no mask whose IoU could be predicted."""
    opinions = {run.sequence.name: run.opinions.per_frame for run in runs}
    pairs = [
        (opinions[score.sequence][index + 1][score.object_id], j)  # the first frame, the user's own, is not scored
        for score in scores
        for index, j in enumerate(score.j_per_frame)
        if score.object_id in opinions[score.sequence][index + 1]
    ]
    predicted, true = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return Pairs(f"videos, {name}", predicted, true)


def _threads() -> str:
    count = torch.get_num_threads()
    return f"{count} thread{'s' if count > 1 else ''}"
