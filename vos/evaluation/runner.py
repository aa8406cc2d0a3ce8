"""Runs what is missing of a data set, records it, and goes on after an interruption."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vos.io.atomic import atomic_path, is_whole
from vos.progress import Progress

RECORD = "run.json"  # in the folder of a finished job


@dataclass(frozen=True, slots=True)
class Job:
    """A folder of masks that is made in one go: those of a sequence, or of an object's photos.

    Attributes:
        name: of the folder.
        files: names of the masks in it.
        fingerprint: hash of everything that the masks depend on.
        work: writes the masks into a folder, calls back after each of them, returns the seconds that it took.
        details: what its record says besides.
    """

    name: str
    files: tuple[str, ...]
    fingerprint: str
    work: Callable[[Path, Callable[[], object]], float]
    details: Mapping[str, int] = field(default_factory=dict)


def run_missing(jobs: Sequence[Job], masks: Path, overwrite: bool, unit: str) -> float:
    """Does the jobs that are not finished yet, each into ``masks/<name>``.

    A job is finished once its folder holds all masks and a record with its fingerprint; the folder appears only then.

    Args:
        jobs: in the order in which they are done.
        masks: folder of all results.
        overwrite: redo finished ones, too.
        unit: what the progress counts, in the singular.

    Returns:
        Seconds of work, those of finished jobs included.

    Raises:
        VosError: an input cannot be read, or the disk is full.
    """
    if missing := [job for job in jobs if overwrite or not _is_finished(job, masks / job.name)]:
        total, open_ = (sum(len(job.files) for job in some) for some in (jobs, missing))
        with Progress(missing[0].name, total, unit, total - open_) as progress:
            for job in missing:
                progress.rename(job.name)
                _do(job, masks / job.name, progress.update)
    return sum(float(_read_record(masks / job.name)["seconds"]) for job in jobs)


def _do(job: Job, target: Path, on_file: Callable[[], object]) -> None:
    with atomic_path(target) as folder:
        folder.mkdir()
        seconds = job.work(folder, on_file)
        record = {"fingerprint": job.fingerprint, **job.details, "seconds": seconds}
        (folder / RECORD).write_text(json.dumps(record) + "\n", encoding="utf-8")


def _is_finished(job: Job, folder: Path) -> bool:
    try:
        record = _read_record(folder)
    except (OSError, ValueError):
        return False
    is_same = isinstance(record, dict) and record.get("fingerprint") == job.fingerprint and "seconds" in record
    return is_same and all(is_whole(folder / name) for name in job.files)


def _read_record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return record
