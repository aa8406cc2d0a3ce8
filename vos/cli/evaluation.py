"""From the options of ``python -m vos.evaluate`` to figures on the screen and a report in a folder, or in several.

Torch and the models are imported by what runs them: to score masks that exist needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from vos.cli import photo_evaluation, video_evaluation
from vos.cli.compose import Run, do_all
from vos.cli.evaluation_folder import claim, outputs_in
from vos.cli.outcome import Outcome, together
from vos.evaluation.config import EvaluateConfig
from vos.io.sole_writer import sole_writer

T = TypeVar("T")
Runs = Sequence[Run[EvaluateConfig]]


def evaluate_all(runs: Runs) -> Outcome:
    """Does one run into its output folder, or several into folders inside it and a table."""
    if any(run.config.dataset.name == "perseg" for run in runs):
        return _do(runs, photo_evaluation.folders(runs), photo_evaluation.evaluate, photo_evaluation.compare)
    return _do(runs, video_evaluation.folders(runs), video_evaluation.evaluate, video_evaluation.compare)


def _do(
    runs: Runs,
    folders: Sequence[Path],
    evaluate: Callable[[EvaluateConfig, Path, Sequence[str]], tuple[int, T | None]],
    compare: Callable[[Sequence[T], Path], str],
) -> Outcome:
    """Does the runs of the command line.

    Args:
        runs: one, or those of a sweep.
        folders: where each writes.
        evaluate: does one run into its folder, given what sets it apart; returns how many frames have results, and the
            figures for a comparison, None where nothing was scored.
        compare: writes a table of several runs' figures into a folder, and returns it as text.
    """
    figures, there = list[T](), iter(folders)

    def work(run: Run[EvaluateConfig]) -> Outcome:
        folder = next(there)
        with claim(run.config, folder):
            frames, own = evaluate(run.config, folder, run.overrides)
            figures.extend([] if own is None else [own])
            return Outcome(frames, outputs_in(folder))

    ended = do_all(runs, work)
    if len(runs) == 1:
        return ended
    parent = folders[0].parent
    with sole_writer(parent, ("comparison.csv", "comparison.md", "comparison.html")):
        print(compare(figures, parent))
    tables = tuple(sorted(parent.glob("comparison.*")))
    print(f"comparison: {', '.join(map(str, tables))}")
    return together([ended, Outcome(0, tables)])
