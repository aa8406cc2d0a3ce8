"""Scores the demo's result against the clip's exact masks, draws it, and says where to look at it.

python tools/report/score_demo.py outputs/demo
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vos.evaluation.davis import DavisSequence
from vos.evaluation.scoring import overall, score_results
from vos.io.frames import open_frames

SHOWN = (0, 14, 40, 52, 66, 79)  # before, beside and in front of the look-alike, behind the tree, and after


def draw(overlay: Path, picture: Path, size: tuple[int, int] = (400, 225)) -> None:
    """Writes six frames of the overlay as one picture, two rows of three."""
    with open_frames(str(overlay)) as source:
        tiles = [np.asarray(cv2.resize(source.frame(i).rgb, size, interpolation=cv2.INTER_AREA)) for i in SHOWN]
    rows = [np.hstack(tiles[:3]), np.hstack(tiles[3:])]
    Image.fromarray(np.vstack(rows)).save(picture, quality=88)


def main() -> None:
    """Reads ``folder``/masks (the truth) and ``folder``/result (the output of vos.run)."""
    parser = argparse.ArgumentParser(description="Scores the demo's result.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    truth = tuple(sorted((folder / "masks").glob("*.png")))
    sequence = DavisSequence("masks", 2017, folder, truth)
    j, f = overall(score_results([sequence], folder / "result"))
    summary = json.loads((folder / "result" / "summary.json").read_text())
    draw(folder / "result" / "overlay.mp4", folder / "result" / "picture.jpg")
    print(f"overlay            {(folder / 'result' / 'overlay.mp4').resolve()}")
    print(f"J&F                {(j.mean + f.mean) / 2:.3f}   (J {j.mean:.3f}, F {f.mean:.3f}, against the exact masks)")
    print(f"frames per second  {summary['frames_per_second']:.1f}   ({summary['model']['device']})")


if __name__ == "__main__":
    main()
