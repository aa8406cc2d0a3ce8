"""``python -m vos.evaluate``: runs the tracker over a DAVIS data set, or takes existing masks, and scores them.

The processes that score import this module again, so whatever needs torch or matplotlib is imported where it is used.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from vos import __version__
from vos.cli.compose import Run, compose
from vos.cli.exit_code import exit_code
from vos.cli.options import help_text
from vos.cli.output_folder import output_folder, sole_writer
from vos.errors import VosError
from vos.evaluation.davis import DavisSequence, read_dataset
from vos.evaluation.scoring import overall, score_results
from vos.io.atomic import atomic_path

if TYPE_CHECKING:
    from vos.evaluation.config import EvaluateConfig
    from vos.evaluation.report import RunSummary
    from vos.sam.segmenter import Segmenter

USAGE = """
python -m vos.evaluate dataset=davis2017 dataset.root=DAVIS split=val     runs the tracker and scores its masks
python -m vos.evaluate dataset.root=DAVIS results=FOLDER                  scores FOLDER/<sequence>/00000.png
python -m vos.evaluate dataset=perseg dataset.root=PerSeg method=p2sam    photos: mIoU, bIoU and mAcc
python -m vos.evaluate -m dataset.root=DAVIS tracker.memory.momentum=0.8,0.9     compares settings in one table
"""
RECORD = "run.json"  # in the folder of a finished sequence
FILES = ("masks", "*_results-*.csv", "plots", "summary.json")  # that a run may write


def main() -> int:
    """The command line; returns the exit code: 0, 2 after a user's error, 130 after Ctrl-C."""
    from vos.evaluation.config import EvaluateConfig

    arguments = sys.argv[1:]
    if any(word in ("-h", "--help") for word in arguments):
        print(help_text(EvaluateConfig, USAGE))
        return 0
    return exit_code(lambda: evaluate_all(compose(arguments, "evaluate", EvaluateConfig)))


def evaluate_all(runs: Sequence[Run[EvaluateConfig]]) -> None:
    """One run into its output folder, or several into folders inside it and a table that compares them."""
    if any(run.config.dataset.name == "perseg" for run in runs):
        _evaluate_photos(runs)
        return
    if len(runs) == 1:
        folder = _output_dir(runs[0].config)
        with sole_writer(folder, FILES):
            evaluate(runs[0].config, folder, runs[0].overrides)
        return
    from vos.evaluation.report import write_comparison

    folder = Path(runs[0].config.output_dir or "outputs/sweep")
    summaries = []
    for index, (name, run) in enumerate(zip(_folder_names(runs), runs)):
        print(f"run {index + 1} of {len(runs)}: {' '.join(run.overrides)}", flush=True)
        with sole_writer(folder / name, FILES):
            summaries.append(evaluate(run.config, folder / name, run.overrides))
    print(write_comparison(summaries, folder))
    print(f"comparison: {folder / 'comparison.csv'}, comparison.md")


def _evaluate_photos(runs: Sequence[Run[EvaluateConfig]]) -> None:
    """The same for PerSeg's photos."""
    from vos.evaluation import perseg_report, run_perseg

    rows = []
    for index, one in enumerate(runs):
        if one.overrides:
            print(f"run {index + 1} of {len(runs)}: {' '.join(one.overrides)}", flush=True)
        folder = output_folder(one, "perseg", "dataset.root")
        with sole_writer(folder, run_perseg.FILES):
            figures = run_perseg.evaluate(one.config, folder)
        rows.append((" ".join(one.overrides), *figures))
    if len(runs) > 1:
        path = output_folder(runs[0], "perseg", "dataset.root").parent / "comparison.csv"
        print(perseg_report.write_comparison(rows, path))
        print(f"comparison: {path}")


def evaluate(config: EvaluateConfig, folder: Path, overrides: Sequence[str] = ()) -> RunSummary:
    """Runs the tracker unless there are results, scores, and reports into ``folder`` and on the screen.

    Args:
        config: all options.
        folder: where everything is written: ``masks/``, two CSV files, ``plots/``, ``summary.json``.
        overrides: what sets this run apart from others, as words "option=value".

    Raises:
        VosError: the data set or the results lack something, or an option is wrong.
    """
    if config.dataset.root is None:
        raise VosError("dataset.root is not set; give the folder that holds JPEGImages, Annotations and ImageSets")
    root, dataset = Path(config.dataset.root).expanduser(), config.dataset
    sequences = read_dataset(root, dataset.year, config.split, dataset.resolution, config.sequences)
    from vos.evaluation.report import RunSummary, csv_paths, score_table, write_csv, write_plots

    for stale in (*csv_paths(folder, config.split), folder / "summary.json"):
        stale.unlink(missing_ok=True)  # figures of an earlier run must not outlive a failure of this one
    run: dict[str, Any] = {}
    if config.results is None:
        run = run_dataset(config, sequences, folder / "masks")
    results = folder / "masks" if config.results is None else Path(config.results).expanduser()
    scores = score_results(sequences, results, config.workers, progress=True)
    j, f = overall(scores)
    milliseconds = run.get("milliseconds_per_frame")
    summary = RunSummary(folder.name, _pairs(overrides), j.mean, f.mean, milliseconds)
    print(score_table(scores))
    write_csv(scores, folder, config.split)
    write_plots(scores, folder / "plots")
    figures = {"J&F": summary.jf_mean, "J": j._asdict(), "F": f._asdict()}
    record = {"version": __version__, "config": asdict(config), **run, **figures}
    with atomic_path(folder / "summary.json") as path:
        path.write_text(json.dumps(record, indent=2) + "\n")
    print(f"J&F {summary.jf_mean:.4f}   report: {folder}")
    return summary


def run_dataset(config: EvaluateConfig, sequences: Sequence[DavisSequence], masks: Path) -> dict[str, Any]:
    """Tracks the objects of every sequence that is not finished yet into ``masks/<sequence>/00000.png``.

    A sequence is finished once its folder holds all masks and the record of a run with the same model, data and
    options; its folder appears only then.

    Returns:
        What the summary says about the run: the model and the time per frame, finished sequences included.

    Raises:
        VosError: a frame is missing, or the model cannot be loaded.
    """
    from vos.sam.device import set_threads
    from vos.sam.registry import load_model

    frames = {sequence.name: len(sequence.images()) for sequence in sequences}
    set_threads(config.threads, embedded=config.model.name == "nano")
    model = load_model(config.model, config.checkpoint, config.device, config.precision)
    fingerprint = _fingerprint(config, model)
    done = {s.name for s in sequences if not config.overwrite and _is_finished(s, masks / s.name, fingerprint)}
    total, initial = sum(frames.values()), sum(frames[name] for name in done)
    with tqdm(total=total, initial=initial, unit="frame", disable=len(done) == len(frames)) as bar:
        for sequence in sequences:
            if sequence.name in done:
                continue
            bar.set_description(sequence.name)
            with atomic_path(masks / sequence.name) as folder:
                folder.mkdir()
                seconds = run_sequence(sequence, config, model, folder, lambda index: bar.update())
                record = {"fingerprint": fingerprint, "frames": frames[sequence.name], "seconds": seconds}
                (folder / RECORD).write_text(json.dumps(record) + "\n")
    seconds = sum(json.loads((masks / name / RECORD).read_text())["seconds"] for name in frames)
    return {
        "model": {"name": model.name, "checkpoint": model.checkpoint_name, "sha256": model.checkpoint_sha256},
        "frames": sum(frames.values()),
        "milliseconds_per_frame": 1000 * seconds / sum(frames.values()),
    }


def run_sequence(
    sequence: DavisSequence,
    config: EvaluateConfig,
    model: Segmenter,
    folder: Path,
    on_frame: Callable[[int], None],
) -> float:
    """Tracks the objects of the first annotation through one sequence and writes all masks into ``folder``.

    Returns:
        Seconds from the first frame's file to the last mask's.
    """
    from vos.io.readers.folder import FolderSource
    from vos.io.writers import MaskWriter
    from vos.structures import LabelMap
    from vos.tracking.registry import make_tracker
    from vos.video.pipeline import VideoPipeline, segment_video
    from vos.video.reference import Reference

    labels = sequence.reference()
    ids = tuple(int(i) for i in np.unique(labels) if i)
    start = time.perf_counter()
    model = model.for_objects(len(ids))
    with FolderSource(str(sequence.image_folder), sequence.images()) as source, MaskWriter(folder) as writer:
        tracker = make_tracker(config.tracker, model)
        edges, batch_size = config.tracker.outlines, config.batch_size
        pipeline = VideoPipeline(model, tracker, [writer], batch_size, edges=edges, on_frame=on_frame)
        segment_video(source, [Reference(0, LabelMap(labels, ids))], pipeline)
    return time.perf_counter() - start


def _is_finished(sequence: DavisSequence, folder: Path, fingerprint: str) -> bool:
    try:
        record = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError):
        return False
    return record["fingerprint"] == fingerprint and all((folder / path.name).is_file() for path in sequence.annotations)


def _fingerprint(config: EvaluateConfig, model: Segmenter) -> str:
    """Hash of everything that the masks depend on."""
    parts = {
        "version": __version__,
        "dataset": {**asdict(config.dataset), "root": str(Path(config.dataset.root or "").expanduser().resolve())},
        "model": {**asdict(config.model), "sha256": model.checkpoint_sha256},
        "tracker": asdict(config.tracker),
        "runtime": [str(model.device), config.precision, config.batch_size],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _output_dir(config: EvaluateConfig) -> Path:
    return Path(config.output_dir or f"outputs/{config.dataset.name}-{config.split}").expanduser()


def _folder_names(runs: Sequence[Run[EvaluateConfig]]) -> list[str]:
    """A readable folder name per run of a sweep, so that one more value leaves the finished runs where they are."""
    names = [re.sub(r"[^\w.=,+-]+", "_", ",".join(run.overrides)).lstrip(".")[:100] for run in runs]
    return names if len(set(names)) == len(names) else [f"{index}" for index in range(len(names))]


def _pairs(overrides: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, _, value in (word.partition("=") for word in overrides))


if __name__ == "__main__":
    sys.exit(main())
