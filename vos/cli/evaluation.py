"""From the options of ``python -m vos.evaluate`` to figures on the screen and a report in a folder.

Torch and the models are imported by what runs them: to score masks that exist needs neither.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vos import __version__
from vos.cli.compose import Run, do_all
from vos.cli.output_folder import output_folder
from vos.errors import VosError
from vos.evaluation import perseg, scoring
from vos.evaluation.config import EvaluateConfig
from vos.evaluation.davis import DavisSequence, read_dataset
from vos.evaluation.perseg import PersegObject
from vos.evaluation.report import (
    RunSummary,
    csv_paths,
    perseg_table,
    score_table,
    write_comparison,
    write_csv,
    write_file,
    write_perseg_comparison,
    write_perseg_csv,
    write_plots,
    write_sheets,
)
from vos.evaluation.runner import run_missing
from vos.io.sole_writer import sole_writer
from vos.progress import Progress

FILES = ("masks", "*_results-*.csv", "plots", "perseg.csv", "sheets", "summary.json")  # that a run may write


def evaluate_all(runs: Sequence[Run[EvaluateConfig]]) -> int:
    """Does one run into its output folder, or several into folders inside it and a table; returns the exit code."""
    if any(run.config.dataset.name == "perseg" for run in runs):
        return _evaluate_perseg_all(runs)
    folders, summaries = _davis_folders(runs), list[RunSummary]()
    there = iter(folders)

    def work(run: Run[EvaluateConfig]) -> None:
        folder = next(there)
        with _writer(run.config, folder):
            summaries.append(evaluate_davis(run.config, folder, run.overrides))

    code = do_all(runs, work)
    if len(runs) > 1:
        parent = folders[0].parent
        with sole_writer(parent, ("comparison.csv", "comparison.md")):
            print(write_comparison(summaries, parent))
        print(f"comparison: {parent / 'comparison.csv'}, comparison.md")
    return code


def _evaluate_perseg_all(runs: Sequence[Run[EvaluateConfig]]) -> int:
    folders, rows = (
        [output_folder(run, "perseg", "dataset.root") for run in runs],
        list[tuple[str, float, float, float]](),
    )
    there = iter(folders)

    def work(run: Run[EvaluateConfig]) -> None:
        folder = next(there)
        with _writer(run.config, folder):
            rows.append((" ".join(run.overrides), *evaluate_perseg(run.config, folder)))

    code = do_all(runs, work)
    if len(runs) > 1:
        path = folders[0].parent / "comparison.csv"
        with sole_writer(path.parent, (path.name,)):
            print(write_perseg_comparison(rows, path))
        print(f"comparison: {path}")
    return code


def evaluate_davis(config: EvaluateConfig, folder: Path, overrides: Sequence[str] = ()) -> RunSummary:
    """Runs the tracker unless there are results, scores, and reports into ``folder`` and on the screen.

    Args:
        config: all options.
        folder: where everything is written: ``masks/``, two CSV files, ``plots/``, ``summary.json``.
        overrides: what sets this run apart from others, as words "option=value".

    Raises:
        VosError: the data set or the results lack something, or an option is wrong.
    """
    root, dataset = _root(config, "JPEGImages, Annotations and ImageSets"), config.dataset
    sequences = read_dataset(root, dataset.year, config.split, dataset.resolution, config.sequences)
    _forget([*csv_paths(folder, config.split), folder / "summary.json"])
    run = {} if config.results is not None else run_davis(config, sequences, folder / "masks")
    with Progress("scoring", sum(len(sequence.scored) for sequence in sequences), "frame") as progress:
        scores = scoring.score_results(sequences, _results(config, folder), config.workers, progress.update)
    j, f = scoring.overall(scores)
    options = tuple((name, value) for name, _, value in (word.partition("=") for word in overrides))
    summary = RunSummary(folder.name, options, j.mean, f.mean, run.get("milliseconds_per_frame"))
    print(score_table(scores))
    rules = scoring.protocol(sequences)
    print(f"protocol: {rules}")
    write_csv(scores, folder, config.split)
    write_plots(scores, folder / "plots")
    _write_summary(
        folder,
        config,
        {**run, "protocol": rules, "J&F": summary.jf_mean, "J": j._asdict(), "F": f._asdict()},
    )
    print(f"J&F {summary.jf_mean:.4f}   report: {folder}")
    return summary


def evaluate_perseg(config: EvaluateConfig, folder: Path) -> tuple[float, float, float]:
    """Segments photos unless there are results, scores, and reports into ``folder`` and on the screen.

    Returns:
        mIoU, bIoU and mAcc.

    Raises:
        VosError: the data set or the results lack something, or an option is wrong.
    """
    objects = perseg.read_perseg(_root(config, "Images and Annotations"), config.sequences)
    _forget([folder / "perseg.csv", folder / "summary.json"])
    run = {} if config.results is not None else run_perseg(config, objects, folder / "masks")
    results = _results(config, folder)
    with Progress("scoring", sum(len(item.scored) for item in objects), "photo") as progress:
        scores = perseg.score_results(objects, results, progress.update)
    print(perseg_table(scores))
    write_perseg_csv(scores, folder / "perseg.csv")
    write_sheets(objects, scores, results, folder / "sheets")
    figures = perseg.overall(scores)
    _write_summary(folder, config, {**run, **dict(zip(("mIoU", "bIoU", "mAcc"), figures))})
    print(f"mIoU {figures[0]:.4f}  bIoU {figures[1]:.4f}  mAcc {figures[2]:.4f}   report: {folder}")
    return figures


def run_davis(config: EvaluateConfig, sequences: Sequence[DavisSequence], masks: Path) -> dict[str, Any]:
    """Tracks the objects of every sequence that is not finished yet into ``masks/<sequence>/00000.png``.

    Returns:
        What the summary says about the run: the model and the time per frame, finished sequences included.

    Raises:
        VosError: a frame is missing, or the model cannot be loaded.
    """
    from vos.cli.run_record import davis_fingerprint, model_record
    from vos.evaluation.jobs import sequence_jobs
    from vos.sam.device import set_threads
    from vos.sam.registry import load_model

    frames = sum(len(sequence.images()) for sequence in sequences)
    set_threads(config.threads, embedded=config.model.name == "nano")
    model = load_model(config.model, config.checkpoint, config.device, config.precision)
    jobs = sequence_jobs(
        sequences, model, config.tracker, config.batch_size, lambda files: davis_fingerprint(config, model, files)
    )
    seconds = run_missing(jobs, masks, config.overwrite, "frame")
    return {"model": model_record(model), "frames": frames, "milliseconds_per_frame": 1000 * seconds / frames}


def run_perseg(config: EvaluateConfig, objects: Sequence[PersegObject], masks: Path) -> dict[str, Any]:
    """Finds every object that is not finished yet in all of its photos: ``masks/<object>/00.png`` and on.

    Returns:
        What the summary says about the run: the model and the time per photo, finished objects included.

    Raises:
        VosError: a photo cannot be read, or the model cannot be loaded.
    """
    from vos.cli.run_record import model_record, perseg_fingerprint
    from vos.evaluation.jobs import object_jobs
    from vos.sam.device import set_threads
    from vos.sam.registry import load_photo_model

    set_threads(config.threads, embedded=False)  # photos come one by one: all cores for each
    model = load_photo_model(config.model, config.checkpoint, config.device, config.precision)
    jobs = object_jobs(objects, model, config.method, lambda files: perseg_fingerprint(config, model, files))
    seconds = run_missing(jobs, masks, config.overwrite, "photo")
    photos = sum(len(job.files) for job in jobs)
    return {"model": model_record(model), "photos": photos, "milliseconds_per_photo": 1000 * seconds / photos}


def _writer(config: EvaluateConfig, folder: Path) -> AbstractContextManager[None]:
    """Keeps others out of the folder, and this run away from what is not its own there; masks to score stay."""
    given = {"dataset.root": config.dataset.root, "results": config.results, "checkpoint": config.checkpoint}
    return sole_writer(
        folder,
        FILES,
        source=str(Path(config.dataset.root or "").resolve()),
        targets=[path for name in FILES[config.results is not None :] for path in folder.glob(name)],
        inputs=[(option, Path(name)) for option, name in given.items() if name],
        is_chosen=config.output_dir is not None,
    )


def _root(config: EvaluateConfig, holds: str) -> Path:
    if config.dataset.root is None:
        raise VosError(f"dataset.root is not set; give the folder that holds {holds}")
    return Path(config.dataset.root)


def _results(config: EvaluateConfig, folder: Path) -> Path:
    return folder / "masks" if config.results is None else Path(config.results)


def _forget(stale: Sequence[Path]) -> None:
    """Removes figures of an earlier run: they must not outlive a failure of this one."""
    for path in stale:
        path.unlink(missing_ok=True)


def _write_summary(folder: Path, config: EvaluateConfig, figures: dict[str, Any]) -> None:
    record = {"version": __version__, "config": asdict(config), **figures}
    write_file(folder / "summary.json", json.dumps(record, indent=2) + "\n")


def _davis_folders(runs: Sequence[Run[EvaluateConfig]]) -> list[Path]:
    """Says where each run writes; one more value in a sweep leaves the folders of the others as they were."""
    config = runs[0].config
    if len(runs) == 1:
        return [Path(config.output_dir or f"outputs/{config.dataset.name}-{config.split}")]
    names = [re.sub(r"[^\w.=,+-]+", "_", ",".join(run.overrides)).lstrip(".")[:100] for run in runs]
    distinct = names if len(set(names)) == len(names) else [f"{index}" for index in range(len(names))]
    return [Path(config.output_dir or "outputs/sweep") / name for name in distinct]
