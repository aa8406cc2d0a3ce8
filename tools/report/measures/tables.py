"""What the measurements hand to the report: settings in, tables and pairs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Sample:
    """How much of the data is looked at; None = all of it."""

    sequences: int | None = None  # of each video set
    frames: int | None = None  # of each sequence, at least 3
    objects: int | None = None  # of PerSeg
    regions: int = 300  # that are clicked on
    shown: int = 10  # frames of each reference's own sequence
    strange: int = 20  # frames of other sequences


QUICK = Sample(sequences=2, frames=8, objects=1, regions=12, shown=3, strange=3)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the data is, and what is measured on it.

    Attributes:
        data: holds davis16, multi, perseg_mini and segments, or some of them.
        results: where masks are written.
        weights: safetensors file; None = the packaged one.
        input_size: longer side of the model input, pixels; None = the model's own.
        sample: how much of the data.
        seed: of every random choice.
    """

    data: Path
    results: Path
    weights: Path | None = None
    input_size: int | None = None
    sample: Sample = field(default_factory=Sample)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the report; the first column names the row."""

    name: str  # short, for the CSV file
    title: str
    header: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Predicted and true IoU of the same masks, float64 (K,) each."""

    name: str
    predicted: npt.NDArray[np.float64]
    true: npt.NDArray[np.float64]


def skipped(name: str, title: str, folder: Path) -> Table:
    """What stands in the report for a measurement whose data is absent."""
    return Table(name, title, (), (), f"Skipped: the data folder has no {folder.name}/.")


def markdown(table: Table) -> str:
    """The table as markdown, with its title and note."""
    parts = [f"## {table.title}\n"]
    if table.rows:
        lines = [table.header, ["---"] * len(table.header), *([cell_text(c) for c in row] for row in table.rows)]
        parts.append("".join(f"| {' | '.join(line)} |\n" for line in lines))
    if table.note:
        parts.append(f"{table.note}\n")
    return "\n".join(parts)


def long_rows(tables: Sequence[Table]) -> list[tuple[Cell, ...]]:
    """All tables as rows (table, item, measure, value), numbers only."""
    return [
        (table.name, str(row[0]), measure, value)
        for table in tables
        for row in table.rows
        for measure, value in zip(table.header[1:], row[1:])
        if value is not None
    ]


def cell_text(cell: Cell) -> str:
    """As printed: shares with three decimals, what is larger than 10 with one, counts with thousands' commas."""
    if cell is None:
        return "-"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:.1f}" if abs(cell) > 10 else f"{cell:.3f}"
    return cell
