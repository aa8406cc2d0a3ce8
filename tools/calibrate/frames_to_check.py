"""Fits what ranks the frames to look at first, and measures what the list is worth.

    python tools/calibrate/frames_to_check.py DATA [--set FOLDER] [--keep runs/calibration]

DATA holds davis16, multi and video_dev; ``--set`` is a folder that tools/render/occlusion_set.py has written, rendered
if it is not there. Each sequence is tracked once, and what was judged of it is kept in ``--keep``; the same command
goes on from there. Writes vos/weights/frames_to_check.json: weights, the model that was followed with, and the share of
the worst frames that the list names, of each sequence by a model that was fitted to all others.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from calibrating.fit import LISTED, WORST, Judgements, Values, fit_all, leave_one_out, named
from calibrating.judge import judge_sequence, read_judged

import vos
from vos.cli.compose import compose
from vos.cli.program import exit_code
from vos.evaluation.config import EvaluateConfig
from vos.evaluation.davis import DavisSequence, read_dataset
from vos.io.atomic import atomic_path
from vos.report.risk import MODEL
from vos.report.signs import NAMES
from vos.sam.registry import load_model
from vos.sam.segmenter import Segmenter

ROOT = Path(__file__).resolve().parents[2]
SETS = {"davis16": (2016, "dev"), "multi": (2017, "dev"), "video_dev": (2017, "val")}
EVENTS = ("fell", "lost", "found_again", "shrank", "grew", "deformed", "changed")
LEAST, LEAST_OF_EVENTS = 0.1, 0.3  # weights: what happened can be said of a frame, even where it predicts little
OTHER_SHARES = (0.1, 0.3)  # of all frames


def sequences_of(data: Path, occlusion: Path) -> Iterator[tuple[str, DavisSequence]]:
    """Lists the sequences of all sets that there are, with the names of their sets."""
    for name, (year, split) in SETS.items():
        if (data / name).is_dir():
            yield from ((name, each) for each in read_dataset(data / name, year, split))
    if not occlusion.is_dir():
        script = ROOT / "tools" / "render" / "occlusion_set.py"
        subprocess.run([sys.executable, str(script), str(occlusion), "--clips", "2"], check=True)
    yield from (("occlusion", each) for each in read_dataset(occlusion, 2017, "occlusion"))


def table(judged: Mapping[str, Judgements], least: Values) -> list[dict[str, Any]]:
    """Measures which share of the worst frames lists of several lengths name, per set and of all sets."""
    found, rows = leave_one_out(judged, least), []
    for group in (*dict.fromkeys(each.group for each in judged.values()), "all"):
        own = [found[name] for name, each in judged.items() if group in (each.group, "all")]
        against, iou = (np.concatenate([pair[k] for pair in own]) for k in (0, 1))
        shares = {f"{share:.0%}": round(named(against, iou, share), 3) for share in (*OTHER_SHARES, LISTED)}
        by_itself = float(np.mean([named(*pair) for pair in own]))
        worst = np.sort(iou)[: max(1, round(WORST * len(iou)))]
        rows.append(
            {
                "set": group,
                "sequences": len(own),
                "frames": len(iou),
                "named": dict(sorted(shares.items())),
                "within sequences": round(by_itself, 3),
                "mean IoU": round(float(iou.mean()), 3),
                "worst below": round(float(worst[-1]), 3),
            }
        )
    return rows


def calibrate(options: argparse.Namespace) -> None:
    """Tracks, fits, measures, writes."""
    config = compose([f"dataset.root={options.data}"], "evaluate", EvaluateConfig)[0].config

    @lru_cache(maxsize=1)
    def model() -> Segmenter:
        return load_model(config.model, config.checkpoint, config.device, config.precision, config.engine)

    digest, judged = model().checkpoint_sha256, dict[str, Judgements]()
    for group, sequence in sequences_of(options.data, options.set or options.keep / "occlusion_set"):
        kept = options.keep / f"{vos.__version__}-{digest[:12]}" / group / f"{sequence.name}.csv"
        own = read_judged(judge_sequence(sequence, model, config.tracker, kept), group)
        if len(own.iou):
            judged[f"{group}/{sequence.name}"] = own
    least = np.array([LEAST_OF_EVENTS if name in EVENTS else LEAST for name in NAMES])
    offset, weights = fit_all(list(judged.values()), least)
    usual = np.concatenate([each.signs for each in judged.values()]).mean(axis=0)
    told = {
        "about": "Weights of vos/report/risk.py, written by tools/calibrate/frames_to_check.py: do not edit",
        "vos": vos.__version__,
        "model": {"name": model().name, "sha256": digest},
        "offset": round(offset, 6),
        "signs": {
            name: {"weight": round(float(weight), 6), "usual": round(float(mean), 6)}
            for name, weight, mean in zip(NAMES, weights, usual)
        },
        "leave one sequence out": table(judged, least),
    }
    with atomic_path(options.out) as path:
        path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told["leave one sequence out"], indent=1))
    print(options.out)


def main(words: list[str] | None = None) -> int:
    """Reads the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with davis16, multi, video_dev; what is missing is left out")
    parser.add_argument("--set", type=Path, default=None, help="rendered clips; none = KEEP/occlusion_set")
    parser.add_argument("--keep", type=Path, default=Path("runs/calibration"), help="where judged sequences are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "vos" / "weights" / MODEL, help="the file to write")
    options = parser.parse_args(words)
    return exit_code(lambda: calibrate(options))


if __name__ == "__main__":
    sys.exit(main())
