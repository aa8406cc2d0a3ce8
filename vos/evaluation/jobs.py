"""What is to be done for a data set: a job for each DAVIS sequence, or for each object of PerSeg.

Sequences are tracked in the protocol of semi-supervised segmentation: the first mask is given. Objects of PerSeg's
reference photos are found in its other photos.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from vos.concept.concept import Concept
from vos.evaluation.davis import DavisSequence
from vos.evaluation.perseg import REFERENCE, PersegObject, read_mask
from vos.evaluation.runner import Job
from vos.io.images import read_image
from vos.io.masks.label_map import write_label_map
from vos.io.readers.folder import FolderSource
from vos.io.writers import MaskWriter
from vos.photos.config import MethodConfig
from vos.photos.segmenter import PhotoSegmenter
from vos.sam.segmenter import Segmenter
from vos.structures import LabelMap
from vos.tracking.config import TrackerConfig
from vos.tracking.registry import make_tracker
from vos.video.pipeline import VideoPipeline, Writer, segment_video
from vos.video.reference import Reference, object_ids


def sequence_jobs(
    sequences: Sequence[DavisSequence],
    model: Segmenter,
    config: TrackerConfig,
    batch_size: int,
    fingerprint: Callable[[Sequence[Path]], str],
) -> list[Job]:
    """Makes one job per sequence, which writes ``00000.png`` and on.

    Args:
        sequences: to be tracked.
        model: for all of them.
        config: options of the tracker.
        batch_size: frames encoded together.
        fingerprint: hashes everything that a sequence's masks depend on, given its frames and what is given of it.
    """
    jobs = []
    for sequence in sequences:
        images = sequence.images()
        names = tuple(f"{path.stem}.png" for path in images)
        given = sequence.annotations if sequence.is_sparse else sequence.annotations[:1]
        work = partial(run_sequence, sequence, model, config, batch_size)
        jobs.append(Job(sequence.name, names, fingerprint([*images, *given]), work, {"frames": len(names)}))
    return jobs


def run_sequence(
    sequence: DavisSequence,
    model: Segmenter,
    config: TrackerConfig,
    batch_size: int,
    folder: Path,
    on_frame: Callable[[], object],
) -> float:
    """Tracks the objects that the annotations introduce through one sequence and writes all masks into ``folder``.

    Returns:
        Seconds from the first frame's file to the last mask's.
    """
    with MaskWriter(folder) as writer:
        return track_sequence(sequence, model, config, batch_size, [writer], on_frame)


def track_sequence(
    sequence: DavisSequence,
    model: Segmenter,
    config: TrackerConfig,
    batch_size: int,
    writers: Sequence[Writer],
    on_frame: Callable[[], object] | None = None,
) -> float:
    """Tracks the objects that the annotations introduce through one sequence.

    Returns:
        Seconds from the first frame's file to the last result.
    """
    references = given_references(sequence)
    start = time.perf_counter()
    model = model.for_objects(len(object_ids(references)))

    def count(index: int) -> None:
        if on_frame is not None:
            on_frame()

    with FolderSource(str(sequence.image_folder), sequence.images()) as source:
        pipeline = VideoPipeline(
            model,
            make_tracker(config, model),
            writers,
            batch_size,
            edges=config.outlines,
            on_frame=count,
        )
        segment_video(source, references, pipeline)
    return time.perf_counter() - start


def given_references(sequence: DavisSequence) -> list[Reference]:
    """Reads what the tracker is given of a sequence."""
    given = sequence.given()
    ids = tuple(sorted({int(i) for _, labels in given for i in np.unique(labels) if i}))
    numbers = {path.stem: number for number, path in enumerate(sequence.images())}
    return [Reference(numbers[sequence.annotations[k].stem], LabelMap(labels, ids)) for k, labels in given]


def object_jobs(
    objects: Sequence[PersegObject],
    model: Segmenter,
    config: MethodConfig,
    fingerprint: Callable[[Sequence[Path]], str],
) -> list[Job]:
    """Makes one job per object, which writes ``00.png`` and on, the reference's own included.

    Args:
        objects: to be found.
        model: for all of them.
        config: options of the method.
        fingerprint: hashes everything that an object's masks depend on, given the files that show it.
    """
    # The protocol knows no "absent": every photo shows its object, and the best guess counts.
    segmenter = PhotoSegmenter(model, config, threshold=0.0)
    return [
        Job(
            item.name,
            tuple(f"{name}.png" for name in item.images),
            fingerprint([*item.images.values(), item.annotations[REFERENCE]]),
            partial(_segment_object, item, segmenter),
        )
        for item in objects
    ]


def _segment_object(
    item: PersegObject, segmenter: PhotoSegmenter, folder: Path, on_photo: Callable[[], object]
) -> float:
    """Writes the masks of all photos of one object, the reference's own included; returns the seconds it took."""
    begin = time.perf_counter()
    image, mask = read_image(item.images[REFERENCE]), read_mask(item.annotations[REFERENCE])
    tuned = segmenter.config.name == "persam_f"
    concept = Concept.from_image(image, mask, name=item.name, model=segmenter.model, finetune=tuned)
    for name, path in item.images.items():
        (result,) = segmenter.segment(image if name == REFERENCE else read_image(path), [concept])
        found = result.mask if result.instances or result.candidate is None else result.candidate.mask
        write_label_map(folder / f"{name}.png", LabelMap(found.astype(np.uint8), (1,)))
        on_photo()
    return time.perf_counter() - begin
