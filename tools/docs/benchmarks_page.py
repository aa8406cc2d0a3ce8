"""Writes docs/benchmarks.md: every figure with its command, commit, machine and hour, from two tables beside it.

    python tools/docs/benchmarks_page.py docs

reads docs/benchmarks.csv (one figure a row) and docs/ablation.csv (one variant of the tracker a row).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

HEAD = """# Benchmarks

Written by `make docs` from [benchmarks.csv](benchmarks.csv) and [ablation.csv](ablation.csv): change these, not the
page. Figures under one heading were measured together. Speeds of different headings cannot be compared.
Per sequence, with clicks, calibration and presence: [the report of the embedded model](nano/report.md).
"""


def main() -> None:
    """Writes the page into the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="docs, which holds the tables")
    folder = parser.parse_args().folder
    (folder / "benchmarks.md").write_text(page(folder), encoding="utf-8")


def page(folder: Path) -> str:
    """Puts the page together from the tables in ``folder``."""
    parts = [HEAD]
    for key, rows in groupby(
        read(folder / "benchmarks.csv"), key=lambda row: (row["commit"], row["machine"], row["hour"])
    ):
        commit, machine, hour = key
        lines = [[row["what"], row["figure"], f"`{row['command']}`"] for row in rows]
        parts.append(f"## Commit {commit}, {machine}, {hour}\n\n{table(('what', 'figure', 'command'), lines)}")
    variants = read(folder / "ablation.csv")
    parts.append(
        "## What each part of the tracker brought\n\n"
        "`python benchmarks/ablation.py DATA` at commit dd9d49d; seconds of learning and milliseconds of the tracker\n"
        "on one thread, in an hour in which the machine had half of its usual speed. What gained less than\n"
        "the seeds of practice differ by has left since: `docs/tried.md`.\n\n"
        f"{table(list(variants[0]), [list(row.values()) for row in variants])}"
    )
    return "\n".join(parts)


def read(path: Path) -> list[dict[str, str]]:
    """Reads a table with a header, cells as they stand."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Writes rows as a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    main()
