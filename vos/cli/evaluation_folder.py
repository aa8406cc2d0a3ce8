"""The folder that an evaluation writes into, and what it is given: shared by videos and photos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vos import __version__
from vos.errors import VosError
from vos.evaluation.config import EvaluateConfig
from vos.evaluation.report import write_file
from vos.io.sole_writer import sole_writer

FILES = (
    "masks",
    "*_results-*.csv",
    "plots",
    "perseg.csv",
    "sheets",
    "report.html",
    "summary.json",
)  # that a run may write


def claim(config: EvaluateConfig, folder: Path) -> AbstractContextManager[object]:
    """Keeps others out of the folder, and this run away from what is not its own there; masks to score stay."""
    given = {"dataset.root": config.dataset.root, "results": config.results, "checkpoint": config.checkpoint}
    return sole_writer(
        folder,
        FILES,
        source=str(Path(config.dataset.root or "").resolve()),
        targets=[path for name in FILES[config.results is not None :] for path in folder.glob(name)],
        inputs=[(option, Path(name)) for option, name in given.items() if name],
        is_chosen=config.output_dir is not None,
    )


def data_root(config: EvaluateConfig, holds: str) -> Path:
    """Returns the folder of the data set.

    Raises:
        VosError: it was not given.
    """
    if config.dataset.root is None:
        raise VosError(f"dataset.root is not set; give the folder that holds {holds}")
    return Path(config.dataset.root)


def masks_to_score(config: EvaluateConfig, folder: Path) -> Path:
    """Returns the folder of the masks that are scored: those of the run, or those that were given."""
    return folder / "masks" if config.results is None else Path(config.results)


def forget(stale: Sequence[Path]) -> None:
    """Removes figures of an earlier run: they must not outlive a failure of this one."""
    for path in stale:
        path.unlink(missing_ok=True)


def write_summary(folder: Path, config: EvaluateConfig, figures: dict[str, Any]) -> None:
    """Writes ``summary.json``: version, options and figures."""
    record = {"version": __version__, "config": asdict(config), **figures}
    write_file(folder / "summary.json", json.dumps(record, indent=2) + "\n")


def outputs_in(folder: Path) -> tuple[Path, ...]:
    """Lists the results that there are."""
    return tuple(path for name in FILES for path in sorted(folder.glob(name)))
