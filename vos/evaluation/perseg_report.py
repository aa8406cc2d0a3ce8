"""What people read of a PerSeg score: a text table, a CSV file, a comparison of runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vos.evaluation.perseg import PersegScore, overall
from vos.evaluation.report import aligned, csv_text, write_file

COLUMNS = ("IoU", "bIoU", "Acc")


def perseg_table(scores: Sequence[PersegScore]) -> str:
    """A text table: one row per object, and the mean over the objects."""
    return aligned(("Object", *COLUMNS), _rows(scores))


def write_csv(scores: Sequence[PersegScore], path: Path) -> None:
    """Writes the same as CSV, with six decimals."""
    write_file(path, csv_text(("Object", *COLUMNS), _rows(scores), digits=6))


def write_comparison(rows: Sequence[tuple[str, float, float, float]], path: Path) -> str:
    """Writes several runs' mIoU, bIoU and mAcc as CSV; returns them as a text table.

    Args:
        rows: what sets a run apart, and its figures.
        path: of the CSV file.
    """
    header = ("Run", "mIoU", "bIoU", "mAcc")
    write_file(path, csv_text(header, rows, digits=6))
    return aligned(header, rows)


def _rows(scores: Sequence[PersegScore]) -> list[tuple[str, float, float, float]]:
    rows = [(score.name, score.iou, score.boundary_iou, score.accuracy) for score in scores]
    return [*rows, (f"mean of {len(scores)}", *overall(scores))]
