"""Compares two folders of results byte by byte, except for what must differ between two runs.

Left out are times, versions, fingerprints, options (``config``) and the folders in absolute paths; everything else in
a JSON file is compared by value, tensors and their description in a concept file likewise, and PNGs by mode, palette
and pixels. Other pictures, videos and tables without times are compared as they are. Hidden files are the programs'
own notes, not results, and are not looked at.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

# Keys of JSON objects that hold times, versions or options.
VOLATILE = frozenset(
    {
        "config",
        "fingerprint",
        "version",
        "versions",
        "seconds",
        "timings_seconds",
        "frames_per_second",
        "milliseconds_per_frame",
        "milliseconds_per_photo",
        "video_lacks",  # since 0.4.0
        "original_ids",
        "object_names",
        "protocol",
        "left_out",
        "engine",  # of the model, since 0.4.0
        "precision",
        "clip",
        "first_masks",
        "outputs",
        "frames_to_check",
        "index",  # of a frame in summary.json
        "predicted_iou",  # likewise, with more digits; rle.json has it as score
    }
)
UNKNOWN_BEFORE = {"report.html", "frames_to_check.png"}  # 0.4.0
TIMES = ("second", "ms/")  # parts of the titles of columns that hold times


@dataclass(frozen=True)
class Comparison:
    """What two folders of results have in common.

    Attributes:
        files: how many files there are in either.
        different: one line per file that differs or that one folder lacks, in order of their names.
    """

    files: int
    different: tuple[str, ...]


def compare_folders(old: Path, new: Path) -> Comparison:
    """Compares all files of two folders, nested ones included."""
    names = sorted(result_names(old) | result_names(new))
    reasons = ((name, _difference(old / name, new / name)) for name in names)
    return Comparison(len(names), tuple(f"{name}: {reason}" for name, reason in reasons if reason))


def result_names(folder: Path) -> set[str]:
    """The files in a folder relative to it, without hidden ones, those in hidden folders, and reports."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    shown = (path for path in paths if not any(part.startswith(".") for part in path.parts))
    return {path.as_posix() for path in shown if path.name not in UNKNOWN_BEFORE}


def _difference(old: Path, new: Path) -> str:
    """Why two files are not the same, or nothing."""
    if not old.is_file():
        return "only the new code writes it"
    if not new.is_file():
        return "only the old code writes it"
    return "" if comparable(old) == comparable(new) else "differs"


def comparable(path: Path) -> bytes:
    """A file's content without what must differ between two runs."""
    content = path.read_bytes()
    if path.suffix == ".json":
        return _json_bytes(json.loads(content))
    if path.suffix == ".jsonl":
        return b"\n".join(_json_bytes(json.loads(line)) for line in content.splitlines() if line.strip())
    if path.suffix == ".csv":
        return _without_times(content)
    if path.suffix in (".concept", ".safetensors"):
        return _tensors(content)
    return _pixels(path) if path.suffix == ".png" else content


def _pixels(path: Path) -> bytes:
    """What a PNG shows, however it is compressed; of anything else its bytes."""
    try:
        with Image.open(path) as image:
            return b"".join([repr((image.mode, image.size, image.getpalette())).encode(), image.tobytes()])
    except UnidentifiedImageError:
        return path.read_bytes()


def stable(value: Any) -> Any:
    """A JSON value without volatile keys, and with the names instead of absolute paths."""
    if isinstance(value, dict):
        return {key: stable(item) for key, item in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [stable(item) for item in value]
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name
    return value


def _json_bytes(value: Any) -> bytes:
    return json.dumps(stable(value), sort_keys=True).encode()


def _without_times(content: bytes) -> bytes:
    """A table without the columns that hold times; one that has none stays as it is."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    timed = {k for k, title in enumerate(rows[0] if rows else []) if any(part in title.lower() for part in TIMES)}
    if not timed:
        return content
    text = io.StringIO()
    csv.writer(text).writerows([cell for k, cell in enumerate(row) if k not in timed] for row in rows)
    return text.getvalue().encode()


def _tensors(content: bytes) -> bytes:
    """Names, types, shapes and bytes of a safetensors file's tensors, in order of their names, and their description.

    The file begins with the length of its header in eight bytes; the header, JSON, says where each tensor lies.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8:start])
    description = {key: json.loads(text) for key, text in header.pop("__metadata__", {}).items()}
    for about in description.values():
        about.pop("format", None)
        about.pop("hash", None)  # since 0.4.0
    parts = [_json_bytes(description)]
    for name in sorted(header):
        first, last = header[name]["data_offsets"]
        values = content[start + first : start + last]
        if name == "weights":  # PerSAM-F's are the exact loop's within 1e-5, since 0.4.0
            values = np.frombuffer(values, np.float32).round(3).tobytes()
        parts += [f"{name} {header[name]['dtype']} {header[name]['shape']}".encode(), values]
    return b"\n".join(parts)
