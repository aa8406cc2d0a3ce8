"""What people read of a score: a text table, CSV files in the official columns, plots, a comparison of runs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vos.evaluation import perseg
from vos.evaluation.published import Figures
from vos.evaluation.scoring import SequenceScore, overall
from vos.io.atomic import atomic_path
from vos.io.contact_sheet import Tile, thumbnail, write_contact_sheet
from vos.io.images import read_image
from vos.io.spreadsheet import csv_text
from vos.structures import LabelMap

GLOBAL_COLUMNS = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
SEQUENCE_COLUMNS = ("Sequence", "J-Mean", "F-Mean")
FRAME_COLUMNS = ("Sequence", "Object", "Frame", "J", "F")

_Cell = str | float | None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run of a comparison.

    Attributes:
        folder: where its report is.
        overrides: what sets it apart, as (option, value) pairs.
        j_mean: mean region similarity over all objects, in [0, 1].
        f_mean: mean boundary accuracy over all objects, in [0, 1].
        milliseconds_per_frame: time of the tracker per frame, or None where existing results were scored.
        sequences: J&F of each.
    """

    folder: str
    overrides: tuple[tuple[str, str], ...]
    j_mean: float
    f_mean: float
    milliseconds_per_frame: float | None
    sequences: Mapping[str, float] = field(default_factory=dict)

    @property
    def jf_mean(self) -> float:
        """J&F: mean of J and F."""
        return (self.j_mean + self.f_mean) / 2


def score_table(scores: Sequence[SequenceScore]) -> str:
    """Makes a text table: one row per object, one per sequence with several objects, and the mean over all objects."""
    header = ("Sequence", "Object", *GLOBAL_COLUMNS)
    rows: list[Sequence[_Cell]] = []
    for name, group in groupby(scores, key=lambda score: score.sequence):
        objects = list(group)
        rows += [(name, str(score.object_id), *figures([score])) for score in objects]
        if len(objects) > 1:
            rows.append((name, "mean", *figures(objects)))
    rows.append(("all", f"{len(scores)} objects", *figures(scores)))
    return aligned(header, rows)


def write_csv(scores: Sequence[SequenceScore], folder: Path, split: str) -> tuple[Path, ...]:
    """Writes the results of all, of each object and of each frame, as :func:`csv_paths` names them.

    The first two have the columns and rows (``<sequence>_<object>``) of the official scorer's files, with six decimals
    instead of three; the third one row for each object of each frame that counts.

    Returns:
        The paths.
    """
    paths = csv_paths(folder, split)[:3]
    write_file(paths[0], csv_table(GLOBAL_COLUMNS, [figures(scores)], digits=6))
    rows = [(f"{score.sequence}_{score.object_id}", score.j_mean, score.f_mean) for score in scores]
    write_file(paths[1], csv_table(SEQUENCE_COLUMNS, rows, digits=6))
    frames = [
        (score.sequence, str(score.object_id), *frame)
        for score in scores
        for frame in zip(score.frames, score.j_per_frame.tolist(), score.f_per_frame.tolist(), strict=True)
    ]
    write_file(paths[2], csv_table(FRAME_COLUMNS, frames, digits=6))
    return paths


def csv_paths(folder: Path, split: str) -> tuple[Path, ...]:
    """Tells where the tables are: of all, of each object, of each frame, beside published methods."""
    return tuple(folder / f"{of}_results-{split}.csv" for of in ("global", "per-sequence", "per-frame", "published"))


def write_published(rows: Sequence[Figures], folder: Path, split: str) -> str:
    """Writes what published methods and this run reach on the same sequences as CSV; returns it as a text table."""
    return write_table(("Method", "J&F", "J", "F"), rows, csv_paths(folder, split)[3])


def write_plots(scores: Sequence[SequenceScore], folder: Path) -> list[Path]:
    """Writes one plot per sequence, J and F of every object over the frames, as ``<folder>/<sequence>.png``."""
    paths = []
    for name, group in groupby(scores, key=lambda score: score.sequence):
        paths.append(folder / f"{name}.png")
        buffer = io.BytesIO()
        # No pyplot: it holds global state and picks a backend.
        FigureCanvasAgg(_plot(name, list(group))).print_png(buffer, metadata={"Software": None})
        write_file(paths[-1], buffer.getvalue())
    return paths


def write_comparison(runs: Sequence[RunSummary], folder: Path) -> str:
    """Writes ``comparison.csv`` and ``comparison.md``: the options in which the runs differ, and their figures.

    Returns:
        The table as text, the best J&F marked with a star.
    """
    options = list(dict.fromkeys(name for run in runs for name, _ in run.overrides))
    varying = [name for name in options if len({dict(run.overrides).get(name) for run in runs}) > 1]
    header: tuple[str, ...] = (*varying, "J&F", "J", "F", "ms/frame", "Folder")
    best = max((run.jf_mean for run in runs), default=0.0)
    rows: list[list[_Cell]] = []
    for run in runs:
        values = [dict(run.overrides).get(name, "") for name in varying]
        time = None if run.milliseconds_per_frame is None else f"{run.milliseconds_per_frame:.1f}"
        rows.append([*values, run.jf_mean, run.j_mean, run.f_mean, time, run.folder])
    write_file(folder / "comparison.csv", csv_table(header, rows, digits=6))
    header = ("Best", *header)
    rows = [["*" if run.jf_mean == best else "", *row] for run, row in zip(runs, rows)]
    lines = [header, ["---"] * len(header), *([_text(cell, 4) for cell in row] for row in rows)]
    write_file(folder / "comparison.md", "".join(f"| {' | '.join(line)} |\n" for line in lines))
    return aligned(header, rows)


def figures(scores: Sequence[SequenceScore]) -> tuple[float, ...]:
    """Averages objects: the values of :data:`GLOBAL_COLUMNS`."""
    j, f = overall(scores)
    return ((j.mean + f.mean) / 2, *j, *f)


def _plot(sequence: str, scores: Sequence[SequenceScore]) -> Figure:
    figure = Figure(figsize=(9, 5), layout="constrained")
    j, f = overall(scores)
    figure.suptitle(f"{sequence}   J {j.mean:.3f}   F {f.mean:.3f}   J&F {(j.mean + f.mean) / 2:.3f}")
    for axes, name in zip(figure.subplots(2, 1, sharex=True), ("J", "F")):
        for index, score in enumerate(scores):
            values = score.j_per_frame if name == "J" else score.f_per_frame
            # The first frame is the reference, so the first value belongs to frame 1.
            frames = range(1, len(values) + 1)
            axes.plot(frames, values, ".-", color=f"C{index % 10}", label=str(score.object_id), linewidth=1)
        axes.set(ylabel=name, ylim=(-0.02, 1.02))
        axes.grid(alpha=0.3)
    axes.set_xlabel("frame")
    if len(scores) > 1:
        figure.legend(*axes.get_legend_handles_labels(), title="object", loc="outside right upper")
    return figure


def _text(cell: _Cell, digits: int) -> str:
    if cell is None:
        return "-"
    return cell if isinstance(cell, str) else f"{cell:.{digits}f}"


def write_perseg(scores: Sequence[perseg.PersegScore], path: Path) -> str:
    """Writes one row per object, and the mean over the objects, as CSV; returns them as a text table."""
    rows = [(score.name, score.iou, score.boundary_iou, score.accuracy) for score in scores]
    mean = (f"mean of {len(scores)}", *perseg.overall(scores))
    return write_table(("Object", "IoU", "bIoU", "Acc"), [*rows, mean], path)


def write_table(header: Sequence[str], rows: Sequence[Sequence[_Cell]], path: Path) -> str:
    """Writes rows as CSV, numbers with six decimals; returns them as a text table, as :func:`aligned` makes it."""
    write_file(path, csv_table(header, rows, digits=6))
    return aligned(header, rows)


def aligned(header: Sequence[str], rows: Sequence[Sequence[_Cell]]) -> str:
    """Makes a text table with columns of equal width, numbers with three decimals."""
    cells = [list(header), *([_text(cell, 3) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    numeric = [all(not isinstance(cell, str) for cell in column) for column in zip(*rows)] or [False] * len(widths)
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(line, widths, numeric)
        ).rstrip()
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def csv_table(header: Sequence[str], rows: Sequence[Sequence[_Cell]], digits: int) -> str:
    """Puts rows into CSV, numbers with ``digits`` decimals, None as an empty cell."""
    return csv_text([header, *(["" if cell is None else _text(cell, digits) for cell in row] for row in rows)])


def write_file(path: Path, content: str | bytes) -> None:
    """Writes a file that appears only when it is complete."""
    with atomic_path(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def write_sheets(
    objects: Sequence[perseg.PersegObject], scores: Sequence[perseg.PersegScore], results: Path, folder: Path
) -> None:
    """Writes a contact sheet per object: the reference with its mask, then the photos, best IoU first."""
    for item, score in zip(objects, scores):
        tiles = [
            Tile(_shown(item, perseg.REFERENCE, item.annotations[perseg.REFERENCE]), "reference", perseg.REFERENCE)
        ]
        for name, iou in sorted(score.photo_iou.items(), key=lambda one: (-one[1], one[0])):
            tiles.append(Tile(_shown(item, name, results / item.name / f"{name}.png"), f"IoU {iou:.3f}", name))
        heading = f"{item.name} · IoU {score.iou:.3f} · boundary IoU {score.boundary_iou:.3f}"
        write_contact_sheet(folder / f"{item.name}.png", tiles, heading)


def _shown(item: perseg.PersegObject, name: str, mask: Path) -> npt.NDArray[np.uint8]:
    return thumbnail(read_image(item.images[name]), LabelMap(perseg.read_mask(mask).astype(np.uint8), (1,)))
