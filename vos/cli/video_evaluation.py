"""Evaluates a tracker on the videos of DAVIS, YouTube-VOS, and data sets in their layouts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from vos import __version__
from vos.cli.compose import Run
from vos.cli.evaluation_folder import data_root, forget, masks_to_score, write_summary
from vos.errors import VosError
from vos.evaluation import scoring
from vos.evaluation.config import EvaluateConfig
from vos.evaluation.davis import DavisSequence, read_dataset
from vos.evaluation.page import COMPARISON, PAGE, write_comparison_page, write_page
from vos.evaluation.published import SOURCE, beside_published
from vos.evaluation.report import (
    RunSummary,
    csv_paths,
    figures,
    score_table,
    write_comparison,
    write_csv,
    write_plots,
    write_published,
)
from vos.evaluation.runner import run_missing
from vos.evaluation.scoring import SequenceScore
from vos.progress import Progress

NAMED = 5  # sequences, in a line about many


def folders(runs: Sequence[Run[EvaluateConfig]]) -> list[Path]:
    """Says where each run writes; one more value in a sweep leaves the folders of the others as they were."""
    config = runs[0].config
    if len(runs) == 1:
        return [Path(config.output_dir or f"outputs/{config.dataset.name}-{_split(config) or 'all'}")]
    names = [re.sub(r"[^\w.=,+-]+", "_", ",".join(run.overrides)).lstrip(".")[:100] for run in runs]
    distinct = names if len(set(names)) == len(names) else [f"{index}" for index in range(len(names))]
    return [Path(config.output_dir or "outputs/sweep") / name for name in distinct]


def evaluate(config: EvaluateConfig, folder: Path, overrides: Sequence[str] = ()) -> tuple[int, RunSummary | None]:
    """Runs the tracker unless there are results, scores, and reports into ``folder`` and on the screen.

    Args:
        config: all options.
        folder: where everything is written: ``masks/``, CSV files, ``plots/``, ``summary.json``.
        overrides: what sets this run apart from others, as words "option=value".

    Returns:
        How many frames have masks, and their figures; None where the data set has no truth.

    Raises:
        VosError: the data set or the results lack something, or an option is wrong.
    """
    root, dataset, split = data_root(config, "JPEGImages and Annotations"), config.dataset, _split(config)
    sequences = read_dataset(root, dataset.year, split, dataset.resolution, config.sequences)
    forget([*csv_paths(folder, split or "all"), folder / PAGE, folder / "summary.json"])
    if config.results is not None and not any(sequence.scored for sequence in sequences):
        raise VosError(f"{root} has no truth to score {config.results} by: its annotations only show new objects")
    run = {} if config.results is not None else run_videos(config, sequences, folder / "masks")
    rules = scoring.protocol(sequences)
    if split is None:
        print(f"{root} has no ImageSets: all {len(sequences)} sequences")
    if unscored := [sequence.name for sequence in sequences if not sequence.scored]:
        names = ", ".join(unscored[:NAMED]) + ", ..." * (len(unscored) > NAMED)
        print(f"not scored, since annotations show new objects only: {len(unscored)} sequences ({names})")
    scored = sum(len(sequence.scored) for sequence in sequences)
    frames = run.get("frames", scored)
    if not scored:
        write_summary(folder, config, {**run, "protocol": rules})
        print(f"nothing is scored; masks: {folder / 'masks'}")
        return frames, None
    with Progress("scoring", scored, "frame") as progress:
        scores = scoring.score_results(sequences, masks_to_score(config, folder), config.workers, progress.update)
    j, f = scoring.overall(scores)
    options = tuple((name, value) for name, _, value in (word.partition("=") for word in overrides))
    means = {name: figures(list(own))[0] for name, own in groupby(scores, key=lambda score: score.sequence)}
    summary = RunSummary(folder.name, options, j.mean, f.mean, run.get("milliseconds_per_frame"), means)
    _report(config, scores, folder, split or "all")
    facts = [str(root), f"split {split or 'all'}", f"J&F {summary.jf_mean:.3f}", *_model(run), rules]
    write_page(folder / PAGE, sequences, scores, masks_to_score(config, folder), facts)
    print(f"protocol: {rules}")
    write_summary(
        folder, config, {**run, "protocol": rules, "J&F": summary.jf_mean, "J": j._asdict(), "F": f._asdict()}
    )
    print(f"J&F {summary.jf_mean:.4f}   report: {folder}")
    return frames, summary


def compare(runs: Sequence[RunSummary], folder: Path) -> str:
    """Writes tables of several runs into ``folder``, and a page; returns one table as text."""
    write_comparison_page(folder / COMPARISON, runs, {run.folder: f"{run.folder}/{PAGE}" for run in runs})
    return write_comparison(runs, folder)


def _model(run: Mapping[str, Any]) -> list[str]:
    """Says what the tracker ran with; nothing of masks that were there already."""
    if "model" not in run:
        return []
    model = run["model"]
    return [f"model {model['name']} ({model['engine']}, {model['precision']}), vos {__version__}"]


def _split(config: EvaluateConfig) -> str | None:
    """Names the list of sequences: that of the user, else val; None = all, where a data set has no lists."""
    root = config.dataset.root
    return "val" if config.split is None and (root is None or (Path(root) / "ImageSets").is_dir()) else config.split


def _report(config: EvaluateConfig, scores: Sequence[SequenceScore], folder: Path, split: str) -> None:
    print(score_table(scores))
    write_csv(scores, folder, split)
    write_plots(scores, folder / "plots")
    if config.dataset.year != 2016 or config.dataset.resolution != "480p":
        return
    rows, names = beside_published(scores)
    if rows:
        print(f"published methods on {len(names)} of these {len(scores)} sequences ({SOURCE}):")
        print(write_published(rows, folder, split))


def run_videos(config: EvaluateConfig, sequences: Sequence[DavisSequence], masks: Path) -> dict[str, Any]:
    """Tracks the objects of every sequence that is not finished yet into ``masks/<sequence>/00000.png``.

    Returns:
        What the summary says about the run: the model and the time per frame, finished sequences included.

    Raises:
        VosError: a frame is missing, or the model cannot be loaded.
    """
    from vos.cli.run_record import davis_fingerprint
    from vos.evaluation.jobs import sequence_jobs
    from vos.sam.device import set_threads
    from vos.sam.registry import load_model
    from vos.sam.segmenter import model_record

    frames = sum(len(sequence.images()) for sequence in sequences)
    set_threads(config.threads, embedded=config.model.name == "nano")
    model = load_model(config.model, config.checkpoint, config.device, config.precision, config.engine)
    jobs = sequence_jobs(
        sequences, model, config.tracker, config.batch_size, lambda files: davis_fingerprint(config, model, files)
    )
    seconds = run_missing(jobs, masks, config.overwrite, "frame")
    return {"model": model_record(model), "frames": frames, "milliseconds_per_frame": 1000 * seconds / frames}
