"""Records what the official scorer (davisvideochallenge/davis2017-evaluation) says about the masks of ``conftest.py``.

python tests/evaluation/record_official.py --official CLONE --data DATA

Writes ``official.json`` beside this file; run it where the official scorer's dependencies are installed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from conftest import degrade, write_synthetic
from PIL import Image

REAL = {"davis16": ("bmx-trees", "kite-surf"), "multi": ("schoolgirls",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--official", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    sys.path.insert(0, str(args.official))
    from davis2017.evaluation import DAVISEvaluation
    from davis2017.metrics import db_eval_boundary, db_eval_iou
    from davis2017.utils import db_statistics

    with tempfile.TemporaryDirectory() as folder:
        dataset, results = write_synthetic(Path(folder))
        scores = DAVISEvaluation(str(dataset), "semi-supervised", "val").evaluate(str(results))
    synthetic = {
        name: [float(scores[m][s][i]) for m in "JF" for s in "MRD"]
        for i, name in enumerate(scores["J"]["M_per_object"])
    }
    real = {}
    for data, names in REAL.items():
        for name in names:
            files = sorted((args.data / data / "Annotations/480p" / name).glob("*.png"))[1:-1]
            gt = np.stack([np.array(Image.open(file)) for file in files])
            gt = (gt > 0).astype(np.uint8) if data == "davis16" else gt
            pred = np.stack([degrade(labels, index + 1) for index, labels in enumerate(gt)])
            for k in range(1, gt.max() + 1):
                measures = (db_eval_iou(gt == k, pred == k), db_eval_boundary(gt == k, pred == k))
                real[f"{data}/{name}_{k}"] = [float(s) for m in measures for s in db_statistics(m)]
    lengths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 60, 255]
    decay = {n: float(db_statistics((np.arange(n) ** 2 * 37 + 11) % 101 / 100)[2]) for n in lengths}
    recorded = {"synthetic": synthetic, "real": real, "decay": decay}
    Path(__file__).with_name("official.json").write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()
