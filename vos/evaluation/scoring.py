"""Scores a folder of results against a DAVIS data set, in several processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.evaluation.davis import DavisSequence, measure_frames
from vos.evaluation.jf import Statistics, statistics
from vos.stages import available_cores

_CHUNK = 16  # frames handed to a process at a time
_FRAMES_PER_WORKER = 250  # below that, starting one more process costs more than it saves


@dataclass(frozen=True, slots=True)
class SequenceScore:
    """DAVIS measures of one object in one sequence, each in [0, 1] (decay in [-1, 1]).

    Attributes:
        sequence: name of the sequence.
        object_id: id in the annotation.
        j_mean, j_recall, j_decay: region similarity.
        f_mean, f_recall, f_decay: boundary accuracy.
        j_per_frame, f_per_frame: float64 (T,), every frame that is scored (:func:`protocol`).
        frames: names of these frames, such as "00001".
    """

    sequence: str
    object_id: int
    j_mean: float
    j_recall: float
    j_decay: float
    f_mean: float
    f_recall: float
    f_decay: float
    j_per_frame: npt.NDArray[np.float64]
    f_per_frame: npt.NDArray[np.float64]
    frames: tuple[str, ...]


class _Chunk(NamedTuple):
    sequence: str
    annotations: tuple[Path, ...]
    results: tuple[Path, ...]
    year: int
    objects: int


def score_results(
    sequences: Sequence[DavisSequence],
    results: Path,
    workers: int | None = 1,
    on_frames: Callable[[int], object] = lambda count: None,
) -> list[SequenceScore]:
    """Scores results as :func:`protocol` says.

    Args:
        sequences: from :func:`vos.evaluation.davis.read_dataset`.
        results: holds label maps ``<sequence>/<frame>.png`` with the size and ids of the annotations.
        workers: number of processes; 1 = this one, None = as many as the machine has cores and the work is worth.
            More than one needs an importable main module, as all of multiprocessing does.
        on_frames: called with the number of frames that were scored since it was called last.

    Returns:
        One score per object, in the order of the sequences and ids; sequences without truth have none.

    Raises:
        VosError: a sequence, frame or object is missing or surplus; the message names it.
    """
    if not results.is_dir():
        raise VosError(f"results folder {results} does not exist; it must hold <sequence>/00000.png")
    if workers is not None and workers < 1:
        raise VosError(f"workers={workers} is too few; use 1 or more")
    sequences = [sequence for sequence in sequences if sequence.scored]
    files = [sequence.results(results) for sequence in sequences]
    objects = [sequence.objects() for sequence in sequences]
    chunks = [chunk for each in zip(sequences, files, map(max, objects)) for chunk in _chunks(*each)]
    frames = sum(len(chunk.annotations) for chunk in chunks)
    if workers is None:
        workers = min(available_cores(), frames // _FRAMES_PER_WORKER + 1)
    measures: dict[str, list[npt.NDArray[np.float64]]] = {sequence.name: [] for sequence in sequences}
    for chunk, values in zip(chunks, _measure(chunks, workers), strict=True):
        measures[chunk.sequence].append(values)
        on_frames(len(values))
    scores = []
    for sequence, shown in zip(sequences, objects):
        values = np.concatenate(measures[sequence.name])
        for object_id, given in shown.items():
            own = values[given:, object_id - 1]  # the first row is that of the second annotation
            if len(own):
                names = tuple(path.stem for path in sequence.scored[given:])
                scores.append(_score(sequence.name, object_id, own, names))
    return scores


def protocol(sequences: Sequence[DavisSequence]) -> str:
    """Says in a line by which rules these sequences are scored."""
    sparse = [sequence.name for sequence in sequences if sequence.is_sparse]
    davis = "DAVIS, semi-supervised: the first annotation is given, it and the last one are not scored"
    if not sparse:
        return davis
    rules = "YouTube-VOS: every frame is tracked, the annotated ones after an object's first are scored"
    if len(sparse) == len(sequences):
        return rules
    return f"{rules} ({', '.join(sparse)}); {davis} (the other sequences)"


def overall(scores: Sequence[SequenceScore]) -> tuple[Statistics, Statistics]:
    """Averages the statistics of J and F over all objects of all sequences, each object counting the same."""
    j = np.mean([(s.j_mean, s.j_recall, s.j_decay) for s in scores], axis=0)
    f = np.mean([(s.f_mean, s.f_recall, s.f_decay) for s in scores], axis=0)
    return Statistics(*map(float, j)), Statistics(*map(float, f))


def _chunks(sequence: DavisSequence, files: tuple[Path, ...], count: int) -> list[_Chunk]:
    return [
        _Chunk(sequence.name, sequence.scored[i : i + _CHUNK], files[i : i + _CHUNK], sequence.year, count)
        for i in range(0, len(files), _CHUNK)
    ]


def _measure(chunks: Sequence[_Chunk], workers: int) -> Iterator[npt.NDArray[np.float64]]:
    tasks = [(chunk.annotations, chunk.results, chunk.year, chunk.objects) for chunk in chunks]
    if workers == 1:
        yield from (measure_frames(*task) for task in tasks)
        return
    # Forking a process that may have threads (torch, OpenCV) can hang, so start clean ones.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context, initializer=_start_worker)
    try:
        yield from pool.map(measure_frames, *zip(*tasks))
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and stops the pool
    cv2.setNumThreads(1)


def _score(sequence: str, object_id: int, values: npt.NDArray[np.float64], frames: tuple[str, ...]) -> SequenceScore:
    j, f = values[:, 0], values[:, 1]
    return SequenceScore(sequence, object_id, *statistics(j), *statistics(f), j, f, frames)
