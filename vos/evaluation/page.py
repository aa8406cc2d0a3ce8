"""Evaluations as pages for a browser: a table, each sequence's plot, best and worst frame; runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from vos.evaluation.davis import DavisSequence, read_annotation
from vos.evaluation.report import GLOBAL_COLUMNS, RunSummary, figures, write_file
from vos.evaluation.scoring import SequenceScore
from vos.io.contact_sheet import thumbnail
from vos.io.images import read_image
from vos.io.render import Rgb
from vos.report.page import picture_values, render
from vos.report.timeline import HEIGHT, WIDTH, line, points_each
from vos.structures import LabelMap

PAGE, COMPARISON = "report.html", "comparison.html"
PICTURED = 60  # sequences with pictures, the worst, so that a page of a large data set stays small
TRUTH = (255, 255, 255)  # colour of the truth's contour, on a dark rim


@dataclass(frozen=True, slots=True)
class FrameFigures:
    """J and F of a frame, means over the objects that are scored in it."""

    name: str
    j: float
    f: float

    @property
    def jf(self) -> float:
        """J&F."""
        return (self.j + self.f) / 2


def frame_figures(scores: Sequence[SequenceScore]) -> list[FrameFigures]:
    """Averages the objects of one sequence in each frame, in the order of the frames."""
    found: dict[str, list[tuple[float, float]]] = {}
    for score in scores:
        for name, j, f in zip(score.frames, score.j_per_frame.tolist(), score.f_per_frame.tolist(), strict=True):
            found.setdefault(name, []).append((j, f))
    means = {name: np.mean(pairs, axis=0).tolist() for name, pairs in found.items()}
    return [FrameFigures(name, *means[name]) for name in sorted(means)]


def write_page(
    path: Path, sequences: Sequence[DavisSequence], scores: Sequence[SequenceScore], results: Path, facts: Sequence[str]
) -> None:
    """Writes the page of one run.

    Args:
        path: of the page.
        sequences: of the data set; those without a score are left out.
        scores: of :func:`vos.evaluation.scoring.score_results`.
        results: the masks that were scored, ``<sequence>/<frame>.png``.
        facts: what is said of the run, a clause each.

    Raises:
        VosError: a frame or a mask has gone.
    """
    grouped = {name: list(group) for name, group in groupby(scores, key=lambda score: score.sequence)}
    overall = {name: figures(own) for name, own in grouped.items()}
    worst_first = sorted(grouped, key=lambda name: overall[name][0])
    by_name = {sequence.name: sequence for sequence in sequences}
    most = points_each(2 * len(grouped))
    page = render(
        "evaluation.html",
        title=f"Evaluation: {path.parent.name}",
        facts=facts,
        columns=GLOBAL_COLUMNS,
        rows=[*_rows(grouped, overall), _row("all", f"{len(scores)} objects", figures(scores), is_total=True)],
        sequences=[
            _sequence(by_name[name], grouped[name], overall[name], results if number < PICTURED else None, most)
            for number, name in enumerate(worst_first)
        ],
        pictured=min(PICTURED, len(grouped)),
        width=WIDTH,
        height=HEIGHT,
    )
    write_file(path, page)


def write_comparison_page(path: Path, runs: Sequence[RunSummary], links: Mapping[str, str]) -> None:
    """Writes the page that shows runs side by side: overall, and J&F of each sequence.

    Args:
        path: of the page.
        runs: in their order.
        links: of a run's folder, to its own page.
    """
    best = max((run.jf_mean for run in runs), default=0.0)
    names = list(dict.fromkeys(name for run in runs for name in run.sequences))
    rows = []
    for name in names:
        values = [run.sequences.get(name) for run in runs]
        top = max(value for value in values if value is not None)
        rows.append({"name": name, "cells": [(_text(value), value == top) for value in values]})
    page = render(
        "comparison.html",
        title="Comparison of runs",
        runs=[
            {
                "folder": run.folder,
                "link": links.get(run.folder, ""),
                "options": ", ".join(f"{name}={value}" for name, value in run.overrides),
                "cells": [_text(value) for value in (run.jf_mean, run.j_mean, run.f_mean)],
                "milliseconds": "-" if run.milliseconds_per_frame is None else f"{run.milliseconds_per_frame:.1f}",
                "share": round(100 * run.jf_mean, 1),
                "is_best": run.jf_mean == best,
            }
            for run in runs
        ],
        rows=rows,
    )
    write_file(path, page)


def _rows(
    grouped: Mapping[str, Sequence[SequenceScore]], overall: Mapping[str, tuple[float, ...]]
) -> list[dict[str, Any]]:
    rows = []
    for name, own in grouped.items():
        rows += [_row(name, str(score.object_id), figures([score])) for score in own]
        if len(own) > 1:
            rows.append(_row(name, "mean", overall[name], is_total=True))
    return rows


def _row(name: str, which: str, values: Sequence[float], is_total: bool = False) -> dict[str, Any]:
    return {"name": name, "object": which, "cells": [_text(value) for value in values], "is_total": is_total}


def _sequence(
    sequence: DavisSequence,
    scores: Sequence[SequenceScore],
    overall: tuple[float, ...],
    results: Path | None,
    most: int,
) -> dict[str, Any]:
    frames = frame_figures(scores)
    worst, best = min(frames, key=lambda frame: frame.jf), max(frames, key=lambda frame: frame.jf)
    shown = {"worst": worst, "best": best} if results is not None else {}
    return {
        "name": sequence.name,
        "about": f"J&F {overall[0]:.3f}, {len(scores)} objects, {len(frames)} frames scored",
        "j": line([frame.j for frame in frames], most),
        "f": line([frame.f for frame in frames], most),
        "begin": frames[0].name,
        "end": frames[-1].name,
        "pictures": [
            {**picture_values(_picture(sequence, frame.name, results)), "which": which, "frame": frame.name}
            | {"figures": f"J {frame.j:.3f}, F {frame.f:.3f}"}
            for which, frame in shown.items()
            if results is not None
        ],
    }


def _picture(sequence: DavisSequence, name: str, results: Path) -> Rgb:
    """Draws a frame small: the result tinted, the truth as a contour."""
    image = next(path for path in sequence.images() if path.stem == name)
    annotation = next(path for path in sequence.annotations if path.stem == name)
    truth = read_annotation(annotation, sequence.year)
    labels = read_annotation(results / sequence.name / annotation.name, sequence.year)
    small = thumbnail(read_image(image), LabelMap(labels, tuple(i for i in np.unique(labels).tolist() if i)))
    height, width = small.shape[:2]
    cells = np.asarray(cv2.resize(truth, (width, height), interpolation=cv2.INTER_NEAREST))
    outlines = [
        contour
        for object_id in np.unique(cells)[np.unique(cells) > 0]
        for contour in cv2.findContours((cells == object_id).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0]
    ]
    for colour, thickness in (((0, 0, 0), 3), (TRUTH, 1)):
        cv2.drawContours(small, outlines, -1, colour, thickness)
    return small


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
