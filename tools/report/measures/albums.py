"""Photos: mIoU of the methods on PerSeg, and how sure the model is of an object that is not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from measures.calibration import area_under_curve
from measures.tables import Cell, Settings, Table, skipped
from vos.cli.photo_evaluation import run_photos
from vos.concept.concept import Concept
from vos.evaluation.config import DatasetConfig, EvaluateConfig
from vos.evaluation.davis import DavisSequence, read_annotation, read_dataset
from vos.evaluation.perseg import overall, read_perseg, score_results
from vos.io.images import read_image
from vos.photos.config import MethodConfig
from vos.photos.methods.registry import make_method
from vos.photos.presence import PresenceScorer
from vos.sam.config import ModelConfig
from vos.sam.registry import load_photo_model
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding

METHODS = ("p2sam", "persam_f", "persam", "persam_published")


def measure_methods(settings: Settings) -> Table:
    """mIoU, bIoU and mAcc of every method on PerSeg's layout."""
    root, title = settings.data / "perseg_mini", "Photos: PerSeg"
    if not root.is_dir():
        return skipped("perseg", title, root)
    objects = read_perseg(root)[: settings.sample.objects]
    rows: list[list[Cell]] = []
    for method in METHODS:
        config = EvaluateConfig(
            checkpoint=None if settings.weights is None else str(settings.weights),
            dataset=DatasetConfig(name="perseg", root=str(root)),
            model=ModelConfig(input_size=settings.input_size),
            method=MethodConfig(name=method),
        )
        run = run_photos(config, objects, settings.results / "perseg" / method)
        scores = score_results(objects, settings.results / "perseg" / method)
        rows.append([f"`{method}`", *overall(scores), run["milliseconds_per_photo"]])
    photos = sum(len(item.scored) for item in objects)
    note = f"{len(objects)} objects, {photos} photos besides the references; every photo shows its object."
    return Table("perseg", title, ("method", "mIoU", "bIoU", "mAcc", "ms per photo"), rows, note)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the model thinks of its mask: predicted IoU, and the score that ``vos.album`` makes of it."""

    predicted_iou: float
    score: float


def measure_presence(settings: Settings) -> Table:
    """Predicted IoU where the object is in the picture, and where it is not.

    The reference is a sequence's first frame; its object is looked for in later frames and in other sequences.
    """
    root, title = settings.data / "davis16", "Is it there? Predicted IoU of present and absent objects"
    if not root.is_dir():
        return skipped("presence", title, root)
    model = load_photo_model(ModelConfig(input_size=settings.input_size), settings.weights)
    sequences = read_dataset(root, 2016, "dev")[: settings.sample.sequences]
    shown = {s.name: _later_frames(s, settings, model) for s in tqdm(sequences, desc="presence, encode")}
    rows: list[list[Cell]] = []
    here: list[Opinion] = []
    gone: list[Opinion] = []
    for sequence in tqdm(sequences, desc="presence, look"):
        others = [frame for name, frames in shown.items() if name != sequence.name for frame in frames]
        chosen = np.linspace(0, len(others) - 1, min(settings.sample.strange, len(others))).round().astype(int)
        own = [find_all(sequence, frames, model) for frames in (shown[sequence.name], [others[k] for k in chosen])]
        rows.append([sequence.name, *_figures(*own)])
        here, gone = here + own[0], gone + own[1]
    rows.append(["all", *_figures(here, gone)])
    note = (
        f"{len(here)} pictures with the object, {len(gone)} without it. The predicted IoU is that of "
        "the mask decoded from appearance alone, without points; AUC = how often a present object has more of it than "
        "an absent one."
    )
    header = ("reference", "present", "absent", "AUC", "AUC of the album score")
    return Table("presence", title, header, rows, note)


def find_all(sequence: DavisSequence, frames: list[ImageEmbedding], model: Segmenter) -> list[Opinion]:
    """Looks for the object of a sequence's first frame in encoded frames."""
    concept = Concept.from_image(read_image(sequence.images()[0]), _mask(sequence.annotations[0]), model=model)
    # The method that calls the decoder once, with the reference alone.
    method, scorer = make_method(model, concept, MethodConfig(name="persam")), PresenceScorer(concept, model)
    opinions = []
    for embedding in frames:
        detection = method.detect(embedding)
        predicted = detection.predicted_iou if detection.unprompted is None else detection.unprompted[1]
        opinions.append(Opinion(predicted, scorer.score(embedding, detection).value))
    return opinions


def _later_frames(sequence: DavisSequence, settings: Settings, model: Segmenter) -> list[ImageEmbedding]:
    """Encoded frames spread over the sequence that show its object."""
    images, last = sequence.images(), len(sequence.annotations) - 1
    chosen = np.linspace(1, last, settings.sample.shown).round().astype(int)
    return [model.encode([read_image(images[t])])[0] for t in chosen if _mask(sequence.annotations[t]).any()]


def _mask(path: Path) -> npt.NDArray[np.bool_]:
    return np.asarray(read_annotation(path, 2016) > 0)


def _figures(here: list[Opinion], gone: list[Opinion]) -> list[Cell]:
    if not here or not gone:
        return [None] * 4
    predicted = [np.array([o.predicted_iou for o in own]) for own in (here, gone)]
    scores = [np.array([o.score for o in own]) for own in (here, gone)]
    means = (float(own.mean()) for own in predicted)
    return [*means, area_under_curve(*predicted), area_under_curve(*scores)]
