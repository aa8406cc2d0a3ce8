"""Times our scorer against the official one (a clone of davisvideochallenge/davis2017-evaluation), side by side.

python benchmarks/scorer.py --official CLONE --dataset DAVIS --results FOLDER [--split val] [--workers N ...]

Without ``--results``, makes some from the annotations (shifted, grown, shrunk). The official scorer runs in a process
of its own (``--official-python`` if its dependencies live in another environment). Prints seconds, their ratio, the
load of the machine before the start, and the largest difference of any figure.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vos.evaluation.davis import DavisSequence, read_annotation, read_dataset
from vos.evaluation.scoring import score_results

# The official data set class knows the names of its own splits only; scores do not depend on them.
OFFICIAL = """
import json, sys, time
root, results, year, split = sys.argv[2:6]
sys.path.insert(0, sys.argv[1])
from davis2017.davis import DAVIS
from davis2017.evaluation import DAVISEvaluation
DAVIS.SUBSET_OPTIONS = [split]
start = time.perf_counter()
scores = DAVISEvaluation(root, "semi-supervised", split).evaluate(results)
seconds = time.perf_counter() - start
names = list(scores["J"]["M_per_object"])
rows = [[float(scores[m][s][i]) for m in "JF" for s in "MRD"] for i in range(len(names))]
print(json.dumps({"seconds": seconds, "scores": dict(zip(names, rows))}))
"""


def main() -> None:
    """Parses the command line, runs both, prints the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, required=True, help="clone of the official scorer")
    parser.add_argument("--official-python", default=sys.executable, help="interpreter that has its dependencies")
    parser.add_argument("--dataset", type=Path, required=True, help="DAVIS 2017 folder with palette annotations")
    parser.add_argument("--results", type=Path, help="folder of results; made up from the annotations if left out")
    parser.add_argument("--split", default="val")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of our processes to time")
    args = parser.parse_args()
    sequences = read_dataset(args.dataset, 2017, args.split)
    with tempfile.TemporaryDirectory() as folder:
        results = args.results or make_results(sequences, Path(folder))
        compare(args, sequences, results)


def compare(args: argparse.Namespace, sequences: list[DavisSequence], results: Path) -> None:
    """Runs both scorers, the official one between two of our runs, and prints times and differences."""
    frames = sum(len(sequence.scored) for sequence in sequences)
    print(f"{len(sequences)} sequences, {frames} frames; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    command = [args.official_python, "-c", OFFICIAL, args.official, args.dataset, results, "2017", args.split]
    run = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True)
    official = json.loads(run.stdout.splitlines()[-1])
    print(f"official             {official['seconds']:7.2f} s  {frames / official['seconds']:7.1f} frames/s")
    for workers in args.workers:
        start = time.perf_counter()
        scores = score_results(sequences, results, workers)
        seconds = time.perf_counter() - start
        name = f"ours, {workers} process{'es' if workers > 1 else ''}"
        ratio = official["seconds"] / seconds
        print(f"{name:20s} {seconds:7.2f} s  {frames / seconds:7.1f} frames/s  {ratio:5.1f} times as fast")
    differences = [
        np.abs(np.subtract(official["scores"][f"{s.sequence}_{s.object_id}"], figures)).max()
        for s in scores
        for figures in [(s.j_mean, s.j_recall, s.j_decay, s.f_mean, s.f_recall, s.f_decay)]
    ]
    print(f"largest difference of {6 * len(scores)} figures: {max(differences):.1e}")


def make_results(sequences: list[DavisSequence], folder: Path) -> Path:
    """Writes plausible results: every annotation shifted by up to 5 pixels, then grown or shrunk."""
    rng = np.random.default_rng(0)
    for sequence in sequences:
        (folder / sequence.name).mkdir()
        for path in sequence.annotations:
            labels = np.roll(read_annotation(path, sequence.year), rng.integers(-5, 6, 2), axis=(0, 1))
            window = np.ones((rng.integers(1, 10),) * 2, np.uint8)
            resized = (cv2.erode if rng.random() < 0.5 else cv2.dilate)(labels, window)
            image = Image.fromarray(resized)
            image.putpalette([value for index in range(256) for value in (index,) * 3])
            image.save(folder / sequence.name / path.name)
    return folder


if __name__ == "__main__":
    main()
