"""What earlier runs have left in a folder of a video's results: is it of the same results, and is it whole?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import Self

from vos.io.config import OutputConfig
from vos.io.writers.choice import FILES, OUTPUT_FILES, SUMMARY, options_of

BEGINNING = '  "frames": ['  # the line of summary.json after which each line is a frame's


def read_head(path: Path) -> dict[str, Any]:
    """Reads what ``summary.json`` says before its frames.

    Raises:
        ValueError: it is damaged, or something else; an OSError where it cannot be read.
    """
    head: list[str] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.rstrip() == BEGINNING:
                break
            head.append(line)
        else:
            raise ValueError
    about = json.loads("".join(head).rstrip().removesuffix(",") + "}")
    if not isinstance(about, dict):
        raise ValueError
    return about


def describe_outputs(paths: Mapping[str, Path], config: OutputConfig) -> dict[str, dict[str, Any]]:
    """Says how many files of each output hold something, and as what they were written, for ``summary.json``."""
    return {name: {"files": _count(path), **options_of(name, config)} for name, path in paths.items()}


@dataclass(frozen=True)
class Earlier:
    """What the finished run in a folder has left, if its results are the same as those that are wanted.

    Attributes:
        folder: of the results.
        whole: its outputs whose files are all there, as ``summary.json`` describes them.
        lacking: of others, how many files are missing or empty.
        stale: names, as glob patterns, of what further results make wrong.
    """

    folder: Path
    whole: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    lacking: Mapping[str, int] = field(default_factory=dict)
    stale: tuple[str, ...] = tuple(name for name in FILES if name != SUMMARY)

    @classmethod
    def of(cls, folder: Path, fingerprint: str | None, config: OutputConfig, wanted: Iterable[str]) -> Self:
        """Looks into a folder of results.

        Args:
            folder: of the results.
            fingerprint: of those that are wanted; None = nobody knows whether any are the same.
            config: as what they are to be written.
            wanted: their outputs.
        """
        try:
            about = read_head(folder / SUMMARY)
            outputs = {name: dict(about["outputs"][name]) for name in OUTPUT_FILES if name in about["outputs"]}
            counts = {name: int(each["files"]) for name, each in outputs.items()}
        except (OSError, ValueError, KeyError, TypeError):
            return cls(folder)
        if fingerprint is None or about.get("fingerprint") != fingerprint:
            return cls(folder)
        same = {name for name, each in outputs.items() if _is_same(name, each, config, name in wanted)}
        there = {name: _count(*(path for file in OUTPUT_FILES[name] for path in folder.glob(file))) for name in same}
        lacking = {name: counts[name] - there[name] for name in same if there[name] < counts[name]}
        whole = {name: each for name, each in outputs.items() if name in same and name not in lacking}
        stale = tuple(file for name in outputs if name not in same for file in OUTPUT_FILES[name])
        return cls(folder, whole, lacking, stale)

    def has(self, outputs: Mapping[str, Path]) -> bool:
        """Tells whether all of these outputs are there, and whole."""
        return all(name in self.whole and path.exists() for name, path in outputs.items())


def _is_same(name: str, described: Mapping[str, Any], config: OutputConfig, is_wanted: bool) -> bool:
    """Tells whether an output was written as it is wanted; one that is not only has to show the same masks."""
    options = options_of(name, config)
    if is_wanted:
        return {"files": described["files"], **options} == described
    return bool(described.get("finish") == options.get("finish"))


def _count(*paths: Path) -> int:
    """Counts the files at paths or below them that hold something."""
    return sum(1 for path in paths for size in _sizes(path) if size)


def _sizes(path: Path) -> Iterator[int]:
    if path.is_dir():
        for root, _, names in os.walk(path):
            yield from (os.stat(os.path.join(root, name)).st_size for name in names)  # noqa: PTH116, PTH118 - quicker
    elif path.exists():
        yield path.stat().st_size
