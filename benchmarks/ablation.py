"""What does each part of the tracker bring? A table with the default and one row per experiment.

    python benchmarks/ablation.py DATA [--experiments no_memory no_gate ...] [--out outputs/ablation]

Experiments are the entries of ``ablation.yaml``; none named = all. Every frame of DATA/davis16 and DATA/multi
(split dev) is encoded once and handed to all trackers, which are timed one by one. Prints the table and writes it as
``ablation.csv`` and ``ablation.md``. By hand, an entry's options are given to ``python -m vos.evaluate``.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from follower import Follower, Variant
from omegaconf import OmegaConf
from tqdm import tqdm

from vos.cli.compose import compose
from vos.cli.program import exit_code
from vos.errors import VosError
from vos.evaluation.config import EvaluateConfig
from vos.evaluation.davis import DavisSequence, read_annotation, read_dataset
from vos.evaluation.jf import frame_measures
from vos.evaluation.report import aligned, csv_table, write_file
from vos.io.readers.folder import FolderSource
from vos.sam.device import set_threads
from vos.sam.registry import load_model
from vos.sam.segmenter import Segmenter
from vos.structures import LabelMap

SETS = {"davis16": 2016, "multi": 2017}  # folder of the data -> how its masks are read
DEFAULT = "default"
TABLE = Path(__file__).with_suffix(".yaml")
SCORES = ("J", "F", "J&F", "J&F multi", "difference", "difference multi")
HEADER = ("option", *SCORES, "learning s", "tracker ms", "total ms")

Row = list[str | float | None]


def experiments() -> dict[str, list[str]]:
    """Reads the table of experiments: a name and the options that make it."""
    entries = OmegaConf.load(TABLE)
    return {str(name): [str(word) for word in entry["options"]] for name, entry in entries.items()}


def compose_variant(name: str, words: Sequence[str] = ()) -> Variant:
    """The options of an experiment, or of the default.

    Args:
        name: of the experiment, or "default".
        words: further options, as for ``vos.evaluate``.

    Raises:
        VosError: there is no such experiment, or it sets an option that does not exist.
    """
    known = {DEFAULT: [], **experiments()}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3) or list(known)
        raise VosError(f"there is no experiment {name} in {TABLE.name}; did you mean {' or '.join(close)}?")
    (run,) = compose([*known[name], *words], "evaluate", EvaluateConfig)
    return Variant(name, run.config.model, run.config.tracker)


def follow_all(sequence: DavisSequence, variants: Sequence[Variant], model: Segmenter) -> Iterator[None]:
    """Takes all variants through one sequence side by side, one frame per iteration, and keeps their scores.

    The protocol is that of ``vos.evaluate``: the first frame, which is given, and the last one do not count.
    """
    labels = sequence.reference()
    reference = LabelMap(labels, tuple(int(i) for i in np.unique(labels) if i))
    model = model.for_objects(len(reference.object_ids))
    followers = [Follower(variant, model, reference) for variant in variants]
    annotations, count = sequence.annotations, max(sequence.objects())
    with FolderSource(str(sequence.image_folder), sequence.images()) as source:
        for frame in source.frames():
            begin = time.perf_counter()
            (embedding,) = model.encode([frame.rgb])
            encoding = time.perf_counter() - begin
            scored = 0 < frame.index < len(annotations) - 1
            truth = read_annotation(annotations[frame.index], sequence.year) if scored else None
            for follower in followers:
                found = follower.see(embedding, frame, encoding)
                if truth is not None:
                    follower.measures.append(frame_measures(truth, found, count))
            yield
    name = next(key for key, year in SETS.items() if year == sequence.year)
    for follower in followers:
        follower.variant.measures.setdefault(name, []).append(np.mean(follower.measures, axis=0))


def read_sequences(options: argparse.Namespace) -> list[DavisSequence]:
    """The sequences of both sets that are there and asked for, cut to ``--frames``.

    Raises:
        VosError: there are none.
    """
    sequences = [
        replace(sequence, annotations=sequence.annotations[: options.frames])
        for name, year in SETS.items()
        if (options.data / name).is_dir()
        for sequence in read_dataset(options.data / name, year, "dev")
        if options.sequences is None or sequence.name in options.sequences
    ]
    if not sequences:
        raise VosError(f"{options.data} holds none of {', '.join(SETS)}, or none of the sequences asked for")
    return sequences


def run(sequences: Sequence[DavisSequence], variants: Sequence[Variant], weights: Path | None) -> None:
    """Takes all variants through all sequences; a frame is encoded once for all that share a model."""
    by_model: dict[str, list[Variant]] = {}
    for variant in variants:
        by_model.setdefault(str(variant.model), []).append(variant)
    frames = sum(len(sequence.annotations) for sequence in sequences)
    with tqdm(total=frames * len(by_model), unit="frame") as bar:
        for group in by_model.values():
            model = load_model(group[0].model, weights)
            for sequence in sequences:
                bar.set_description(sequence.name)
                for _ in follow_all(sequence, group, model):
                    bar.update()


def table(variants: Sequence[Variant]) -> list[Row]:
    """The rows under :data:`HEADER`; the first variant is what the others are compared with."""
    rows: list[Row] = []
    first = [_jf(variants[0], name) for name in SETS]
    for variant in variants:
        j, f = _means(variant, "davis16") or (None, None)
        jf = [_jf(variant, name) for name in SETS]
        differences = [None if a is None or b is None else a - b for a, b in zip(jf, first)]
        times = [1000 * seconds / variant.frames for seconds in (variant.tracker_seconds, variant.total_seconds)]
        learning = variant.learning_seconds / variant.starts
        rows.append([variant.name, j, f, *jf, *differences, learning, *times])
    return rows


def write_tables(rows: Sequence[Row], folder: Path) -> None:
    """Writes ``ablation.csv`` and ``ablation.md``."""
    write_file(folder / "ablation.csv", csv_table(HEADER, rows, digits=6))
    lines = [HEADER, ["---"] * len(HEADER), *texts(rows)]
    write_file(folder / "ablation.md", "".join(f"| {' | '.join(line)} |\n" for line in lines))


def texts(rows: Sequence[Row]) -> list[list[str]]:
    """The rows as people read them: scores with three decimals, differences with their sign, times with one."""
    return [[_text(column, cell) for column, cell in zip(HEADER, row)] for row in rows]


def _text(column: str, cell: str | float | None) -> str:
    if not isinstance(cell, float):
        return cell or "-"
    if column not in SCORES:
        return f"{cell:.1f}"
    return f"{cell:+.3f}" if column.startswith("difference") else f"{cell:.3f}"


def _means(variant: Variant, name: str) -> tuple[float, float] | None:
    """J and F over all objects of a set, each object counting the same; None where the set was not run."""
    if name not in variant.measures:
        return None
    j, f = np.concatenate(variant.measures[name]).mean(axis=0)
    return float(j), float(f)


def _jf(variant: Variant, name: str) -> float | None:
    means = _means(variant, name)
    return None if means is None else sum(means) / 2


def parse_arguments(words: list[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder that holds davis16 and multi")
    parser.add_argument("--experiments", nargs="*", default=None, help="names in ablation.yaml; none = all")
    parser.add_argument("--options", nargs="*", default=[], help="options of vos.evaluate that hold for every row")
    parser.add_argument("--sequences", nargs="*", default=None, help="only these")
    parser.add_argument("--frames", type=int, default=None, help="only so many first frames of each, at least 3")
    parser.add_argument("--weights", type=Path, default=None, help="weights file; none = the model's own")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads of torch; none = as in vos.run")
    parser.add_argument("--out", type=Path, default=Path("outputs/ablation"))
    return parser.parse_args(words)


def compare(options: argparse.Namespace) -> None:
    """Runs, prints and writes the comparison."""
    if options.frames is not None and options.frames < 3:
        raise VosError(f"--frames {options.frames} is too few; the first and the last do not count, so use 3 or more")
    set_threads(options.threads, embedded=True)
    sequences = read_sequences(options)
    names = list(experiments()) if options.experiments is None else options.experiments
    variants = [compose_variant(name, options.options) for name in (DEFAULT, *names)]
    run(sequences, variants, options.weights)
    rows = table(variants)
    write_tables(rows, options.out)
    print(aligned(HEADER, texts(rows)))
    print(f"{torch.get_num_threads()} threads; table: {options.out / 'ablation.csv'}, ablation.md")


def main(words: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return exit_code(lambda: compare(parse_arguments(words)))


if __name__ == "__main__":
    sys.exit(main())
