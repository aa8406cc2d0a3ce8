"""Tables of clips: CSV, JSON lines and Parquet, a mapping from column to cell for each row."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vos.errors import VosError

Rows = Iterator[tuple[str, Mapping[str, Any]]]


def read_rows(path: Path, name: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Reads the rows of a table, each with a text that says where it stands.

    Args:
        path: of the file; its suffix says what it is.
        name: what the user calls it.

    Raises:
        VosError: it cannot be read.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows, ".parquet": _parquet_rows}
    if path.suffix.lower() not in readers:
        raise VosError(f"manifest={name} is of an unknown kind; give a .csv, .jsonl or .parquet file")
    try:
        return list(readers[path.suffix.lower()](path, name))
    except OSError as error:
        raise VosError(f"manifest={name} cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise VosError(f"manifest={name} is no table of text ({error}); close its quotes, save it as UTF-8") from error


def _csv_rows(path: Path, name: str) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=head.count)  # as some countries' spreadsheets write them
        reader = csv.DictReader(file, strict=True, delimiter=delimiter)
        reader.fieldnames = [key.strip() for key in reader.fieldnames or ()]
        _check_names(name, reader.fieldnames)
        for row in reader:
            place = f"{name}:{reader.line_num}"
            if None in row:
                raise VosError(f"{place}: there are more cells than columns; put a path with a comma in quotes")
            yield place, {key: cell.strip() for key, cell in row.items() if cell is not None}


def _json_rows(path: Path, name: str) -> Rows:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise VosError(f"{name}:{number} is no JSON ({error}); give an object in each line") from error
            if not isinstance(row, dict):
                raise VosError(f'{name}:{number} is no object; write {{"video": "clip.mp4", "ref_mask": "f0.png"}}')
            yield f"{name}:{number}", row


def _parquet_rows(path: Path, name: str) -> Rows:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise VosError(f"manifest={name} needs pyarrow; run: pip install pyarrow, or save it as CSV") from error
    try:
        rows = parquet.read_table(path).to_pylist()
    except ArrowException as error:
        raise VosError(f"manifest={name} is no Parquet table ({str(error).splitlines()[0]})") from error
    return ((f"{name}, row {number}", row) for number, row in enumerate(rows, 1))


def _check_names(table: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1 or not name:
            told = f"has the column {name} {count} times" if name else "has a column without a name"
            raise VosError(f"manifest={table} {told}; each option has one column")
