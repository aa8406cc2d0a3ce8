"""Runs PerSAM-F on one photo and times its tuning; a process of its own, called by benchmarks/persam_f.py.

    python benchmarks/timing/tuning.py REFERENCE DATA WEIGHTS     the published persam_f.py with vit_t, as it stands
    python benchmarks/timing/tuning.py album OPTION=VALUE ...     python -m vos.album

REFERENCE is a checkout of the public code of Personalize-SAM, DATA a folder in PerSeg's layout. Prints a line of JSON:
the seconds of all steps, with decoding the reference.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock


def published(reference: str, data: str, weights: str) -> float:
    """Runs the published script on all photos of DATA; returns the seconds of its loop."""
    sys.path[:0] = [reference, str(Path(__file__).parents[1])]
    from timing.published import load, on_cpu, stand_in

    stand_in()
    script = importlib.import_module("persam_f")
    network = script.sam_model_registry["vit_t"]
    changes = list[float]()

    class Timed(script.Mask_Weights):  # type: ignore[misc, name-defined]
        """Begins to train before the loop, and ends after it."""

        def train(self, mode: bool = True) -> Any:
            changes.append(time.perf_counter())
            return super().train(mode)

    sys.argv[1:] = ["--data", data, "--sam_type", "vit_t"]
    with (
        tempfile.TemporaryDirectory() as folder,
        on_cpu(),
        mock.patch.object(script, "Mask_Weights", Timed),
        mock.patch.object(script, "sam_model_registry", {"vit_t": lambda checkpoint: load(network(), weights)}),
    ):
        os.chdir(folder)  # where it writes outputs/
        script.main()
        os.chdir("/")
    begin, end = changes
    return end - begin


def album(options: list[str]) -> float:
    """Searches an album with ``method=persam_f``; returns the seconds of tuning.

    Raises:
        SystemExit: it failed.
    """
    from vos.album.__main__ import main
    from vos.concept.mask_weights import image_weights

    taken = list[float]()

    def timed(*given: Any) -> Any:
        begin = time.perf_counter()
        weights = image_weights(*given)
        taken.append(time.perf_counter() - begin)
        return weights

    sys.argv[1:] = options
    with mock.patch("vos.concept.concept.image_weights", timed):
        if code := main():
            raise SystemExit(code)
    return sum(taken)


if __name__ == "__main__":
    words = sys.argv[1:]
    learn = album(words[1:]) if words[0] == "album" else published(*words)
    print(json.dumps({"learn": learn}))
