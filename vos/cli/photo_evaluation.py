"""Evaluates a method on the photos of PerSeg."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vos.cli.compose import Run
from vos.cli.evaluation_folder import data_root, forget, masks_to_score, write_summary
from vos.cli.output_folder import output_folder
from vos.evaluation import perseg
from vos.evaluation.config import EvaluateConfig
from vos.evaluation.perseg import PersegObject
from vos.evaluation.report import write_perseg, write_sheets, write_table
from vos.evaluation.runner import run_missing
from vos.progress import Progress

MEASURES = ("mIoU", "bIoU", "mAcc")
Figures = tuple[str, float, float, float]
"""What sets a run apart, and its measures."""


def folders(runs: Sequence[Run[EvaluateConfig]]) -> list[Path]:
    """Says where each run writes."""
    return [output_folder(run, "perseg", "dataset.root") for run in runs]


def evaluate(config: EvaluateConfig, folder: Path, overrides: Sequence[str] = ()) -> tuple[int, Figures]:
    """Segments photos unless there are results, scores, and reports into ``folder`` and on the screen.

    Args:
        config: all options.
        folder: where everything is written: ``masks/``, ``perseg.csv``, ``sheets/``, ``summary.json``.
        overrides: what sets this run apart from others, as words "option=value".

    Returns:
        How many photos have masks, and their figures.

    Raises:
        VosError: the data set or the results lack something, or an option is wrong.
    """
    objects = perseg.read_perseg(data_root(config, "Images and Annotations"), config.sequences)
    forget([folder / "perseg.csv", folder / "summary.json"])
    run = {} if config.results is not None else run_photos(config, objects, folder / "masks")
    results, photos = masks_to_score(config, folder), sum(len(item.scored) for item in objects)
    with Progress("scoring", photos, "photo") as progress:
        scores = perseg.score_results(objects, results, progress.update)
    print(write_perseg(scores, folder / "perseg.csv"))
    write_sheets(objects, scores, results, folder / "sheets")
    figures = perseg.overall(scores)
    write_summary(folder, config, {**run, **dict(zip(MEASURES, figures))})
    print(f"mIoU {figures[0]:.4f}  bIoU {figures[1]:.4f}  mAcc {figures[2]:.4f}   report: {folder}")
    return run.get("photos", photos), (" ".join(overrides), *figures)


def compare(figures: Sequence[Figures], folder: Path) -> str:
    """Writes a table of several runs into ``folder``; returns it as text."""
    return write_table(("Run", *MEASURES), figures, folder / "comparison.csv")


def run_photos(config: EvaluateConfig, objects: Sequence[PersegObject], masks: Path) -> dict[str, Any]:
    """Finds every object that is not finished yet in all of its photos: ``masks/<object>/00.png`` and on.

    Returns:
        What the summary says about the run: the model and the time per photo, finished objects included.

    Raises:
        VosError: a photo cannot be read, or the model cannot be loaded.
    """
    from vos.cli.run_record import perseg_fingerprint
    from vos.evaluation.jobs import object_jobs
    from vos.sam.device import set_threads
    from vos.sam.registry import load_photo_model
    from vos.sam.segmenter import model_record

    set_threads(config.threads, embedded=False)  # photos come one by one: all cores for each
    model = load_photo_model(config.model, config.checkpoint, config.device, config.precision, config.engine)
    jobs = object_jobs(objects, model, config.method, lambda files: perseg_fingerprint(config, model, files))
    seconds = run_missing(jobs, masks, config.overwrite, "photo")
    photos = sum(len(job.files) for job in jobs)
    return {"model": model_record(model), "photos": photos, "milliseconds_per_photo": 1000 * seconds / photos}
