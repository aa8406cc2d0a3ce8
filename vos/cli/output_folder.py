"""Where a run writes, if the user does not say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from vos.cli.compose import Run


def output_folder(run: Run[Any], name: str, source: str) -> Path:
    """Says where a run writes: ``output_dir``, or outputs/<name>; in a sweep a folder inside it for each combination.

    Args:
        run: whose config has ``output_dir``.
        name: what the source is called; characters that are awkward in a path are replaced.
        source: the option that names the source; a sweep over it needs no folder beyond the name's.
    """
    given, name = run.config.output_dir, re.sub(r"[^\w.()+-]+", "-", name).strip("-.") or source
    if not run.overrides or any(word.startswith("output_dir=") for word in run.overrides):
        return Path(given or f"outputs/{name}")
    apart = ",".join(word for word in run.overrides if not word.startswith(f"{source}="))
    return Path(given or "outputs") / name / re.sub(r"[^\w.=,+-]+", "_", apart)
