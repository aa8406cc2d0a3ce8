"""Scores the demo's result against the clip's exact masks, and says where to look at it.

python tools/score_demo.py outputs/demo
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from vos.evaluation.davis import DavisSequence
from vos.evaluation.scoring import overall, score_results


def main() -> None:
    """Reads ``folder``/masks (the truth) and ``folder``/result (the output of vos.run)."""
    parser = argparse.ArgumentParser(description="Scores the demo's result.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    truth = tuple(sorted((folder / "masks").glob("*.png")))
    sequence = DavisSequence("masks", 2017, folder, truth)
    j, f = overall(score_results([sequence], folder / "result"))
    summary = json.loads((folder / "result" / "summary.json").read_text())
    print(f"overlay            {(folder / 'result' / 'overlay.mp4').resolve()}")
    print(f"J&F                {(j.mean + f.mean) / 2:.3f}   (J {j.mean:.3f}, F {f.mean:.3f}, against the exact masks)")
    print(f"frames per second  {summary['frames_per_second']:.1f}   ({summary['model']['device']})")


if __name__ == "__main__":
    main()
