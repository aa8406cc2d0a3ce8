"""What was found in an archive: a table and a contact sheet for each concept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vos.errors import readable
from vos.find.search import Hit
from vos.io.atomic import atomic_path
from vos.io.contact_sheet import Tile, thumbnail, write_contact_sheet
from vos.io.spreadsheet import csv_text
from vos.structures import LabelMap

COLUMNS = ("rank", "file", "time", "score", "x", "y", "width", "height", "area")


@dataclass(frozen=True, slots=True)
class Finding:
    """A picture that shows the concept, without its pixels.

    Attributes:
        file: its source.
        time: in seconds, None for a photo.
        score: of the best instance.
        box: x, y, width, height, original pixels.
        area: of the mask, original pixels.
        tile: for the contact sheet.
    """

    file: Path
    time: float | None
    score: float
    box: tuple[int, int, int, int]
    area: int
    tile: Tile

    @classmethod
    def of(cls, hit: Hit) -> Finding:
        """Keeps of a picture that was found what the report needs."""
        result, glimpse = hit.result, hit.glimpse
        assert result.box is not None  # it was found
        x0, y0, x1, y1 = (int(side) for side in result.box)
        place = "" if glimpse.time is None else f" · {clock(glimpse.time)}"
        small = thumbnail(hit.rgb, LabelMap(result.mask.astype(np.uint8), (1,)))
        tile = Tile(small, f"{result.score:.2f}{place}", readable(glimpse.source.path.name))
        box, area = (x0, y0, x1 - x0 + 1, y1 - y0 + 1), int(result.mask.sum())
        return cls(glimpse.source.path, glimpse.time, result.score, box, area, tile)


def clock(seconds: float) -> str:
    """Formats a time as hours, minutes and seconds: 1:02:03.45 or 2:03.45."""
    hours, rest = divmod(round(seconds * 100), 360_000)
    minutes, hundredths = divmod(rest, 6000)
    end = f"{hundredths // 100:02d}.{hundredths % 100:02d}"
    return f"{hours}:{minutes:02d}:{end}" if hours else f"{minutes}:{end}"


def write_findings(folder: Path, name: str, findings: Sequence[Finding], header: Mapping[str, Any]) -> list[Path]:
    """Writes ``<name>.csv``, ``<name>.json`` and, where there is something, contact sheets ``<name>.png``.

    Args:
        folder: of the results.
        name: of the concept, fit for a file.
        findings: in any order; the surest come first.
        header: what the JSON file says about the search.

    Raises:
        VosError: a file cannot be written.
    """
    ordered = sorted(findings, key=lambda one: (-one.score, str(one.file), one.time or 0.0))
    rows: list[Sequence[object]] = [COLUMNS]
    for rank, one in enumerate(ordered, start=1):
        time = "" if one.time is None else f"{one.time:.3f}"
        rows.append((rank, str(one.file), time, f"{one.score:.4f}", *one.box, one.area))
    found = [
        {"file": str(one.file), "time": one.time, "score": round(one.score, 6), "box": one.box, "area": one.area}
        for one in ordered
    ]
    texts = {"csv": csv_text(rows), "json": json.dumps({**header, "found": found}, indent=1, ensure_ascii=False) + "\n"}
    for suffix, text in texts.items():
        with atomic_path(folder / f"{name}.{suffix}") as path:
            path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    heading = f"{name}: in {len(ordered)} pictures"
    sheets = write_contact_sheet(folder / f"{name}.png", [one.tile for one in ordered], heading)
    return [*sheets, *(folder / f"{name}.{suffix}" for suffix in texts)]
