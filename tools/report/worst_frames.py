"""Shows where masks go wrong: per sequence a contact sheet of its worst frames, worst first.

    python tools/report/worst_frames.py RESULTS --root DAVIS [--split dev] [--out DIR] [--count 10]

RESULTS is an output folder of ``python -m vos.evaluate``, or any folder that holds ``<sequence>/00000.png``. Each cell
shows the picture with the mask in red and the truth's contour in green, the frame's number, and J and F, means over
the objects. Frames that are shown lie at least three frames apart. Prints each sequence's worst frame.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from vos.cli.program import exit_code
from vos.errors import VosError
from vos.evaluation.davis import YEARS, DavisSequence, read_annotation, read_dataset
from vos.evaluation.scoring import SequenceScore, score_results
from vos.io.atomic import atomic_path
from vos.io.images import read_image

APART = 3  # frames; neighbours show the same mistake
COLUMNS, CELL_WIDTH, CAPTION = 4, 400, 24  # pixels
TINT, CONTOUR = (255, 0, 0), (0, 255, 0)
TINT_SHARE = 0.5

Rgb = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint8]


class FrameScore(NamedTuple):
    """J and F of one frame, means over the sequence's objects; ``number`` counts from 0."""

    number: int
    j: float
    f: float

    @property
    def jf(self) -> float:
        """J&F."""
        return (self.j + self.f) / 2


def frame_scores(scores: Sequence[SequenceScore]) -> list[FrameScore]:
    """Scores per frame from the scores of all objects of one sequence; the first frame scored is frame 1."""
    j = np.mean([score.j_per_frame for score in scores], axis=0)
    f = np.mean([score.f_per_frame for score in scores], axis=0)
    return [FrameScore(index + 1, float(a), float(b)) for index, (a, b) in enumerate(zip(j, f))]


def worst_frames(frames: Sequence[FrameScore], count: int, apart: int = APART) -> list[FrameScore]:
    """The ``count`` frames with the lowest J&F, worst first, each at least ``apart`` frames from the others."""
    chosen: list[FrameScore] = []
    for frame in sorted(frames, key=lambda one: (one.jf, one.number)):
        if len(chosen) < count and all(abs(frame.number - other.number) >= apart for other in chosen):
            chosen.append(frame)
    return chosen


def draw_cell(rgb: Rgb, truth: Labels, result: Labels, caption: str, width: int = CELL_WIDTH) -> Rgb:
    """One picture with what was found and what is true.

    Args:
        rgb: uint8 (H, W, 3).
        truth: uint8 (H, W) of the same size, 0 = background.
        result: uint8 (H, W).
        caption: text above the picture.
        width: of the cell, pixels.

    Returns:
        uint8 (h + CAPTION, width, 3).
    """
    size = (width, round(width * rgb.shape[0] / rgb.shape[1]))
    # Drawn at the cell's size, so that a contour of one pixel stays visible.
    shrinks = width < rgb.shape[1]
    picture = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
    shown, true = (cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST) for labels in (result, truth))
    red = picture * (1 - TINT_SHARE) + np.array(TINT) * TINT_SHARE
    picture = np.where((np.asarray(shown) > 0)[..., None], red, picture).astype(np.uint8)
    true = np.asarray(true)
    picture[true != cv2.erode(true, np.ones((2, 2), np.uint8))] = CONTOUR
    picture[(true > 0) & (true != cv2.erode(true, np.ones((2, 2), np.uint8), anchor=(0, 0)))] = CONTOUR
    bar = np.zeros((CAPTION, width, 3), np.uint8)
    cv2.putText(bar, caption, (6, CAPTION - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([bar, picture])


def draw_sheet(cells: Sequence[Rgb], columns: int = COLUMNS) -> Rgb:
    """Cells (h, w, 3) of one size in rows, what is left of the last row black."""
    columns = min(columns, len(cells))
    empty = [np.zeros_like(cells[0])] * (-len(cells) % columns)
    padded = [*cells, *empty]
    return np.vstack([np.hstack(padded[k : k + columns]) for k in range(0, len(padded), columns)])


def sheet_of(sequence: DavisSequence, masks: Path, chosen: Sequence[FrameScore]) -> Rgb:
    """The contact sheet of the chosen frames of one sequence."""
    images, cells = sequence.images(), []
    for frame in chosen:
        annotation = sequence.annotations[frame.number]
        truth = read_annotation(annotation, sequence.year)
        result = read_annotation(masks / sequence.name / annotation.name, sequence.year)
        caption = f"{annotation.stem}   J {frame.j:.3f}   F {frame.f:.3f}"
        cells.append(draw_cell(read_image(images[frame.number]), truth, result, caption))
    return draw_sheet(cells)


def masks_in(results: Path) -> Path:
    """Where the masks are: in ``masks/`` of an output folder, or in the folder itself.

    Raises:
        VosError: there is no such folder.
    """
    if not results.is_dir():
        raise VosError(f"results folder {results} does not exist; give the output_dir of vos.evaluate")
    return results / "masks" if (results / "masks").is_dir() else results


def year_of(results: Path) -> int:
    """The year in the run's own record; 2017 where there is none."""
    try:
        return int(json.loads((results / "summary.json").read_text(encoding="utf-8"))["config"]["dataset"]["year"])
    except (OSError, ValueError, KeyError, TypeError):
        return 2017


def parse_arguments(words: list[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="output folder of vos.evaluate, or a folder of masks")
    parser.add_argument("--root", type=Path, required=True, help="folder that holds JPEGImages and Annotations")
    parser.add_argument("--split", default="dev", help="list file in ImageSets/<year>, without .txt")
    parser.add_argument("--year", type=int, choices=YEARS, default=None, help="none = as the run was scored, or 2017")
    parser.add_argument("--sequences", nargs="*", default=None, help="only these of the split")
    parser.add_argument("--out", type=Path, default=None, help="folder of the sheets; none = RESULTS/worst")
    parser.add_argument("--count", type=int, default=10, help="frames per sheet")
    return parser.parse_args(words)


def make_sheets(options: argparse.Namespace) -> None:
    """Writes ``<out>/<sequence>.png`` for every sequence."""
    if options.count < 1:
        raise VosError(f"--count {options.count} is too few; use 1 or more")
    masks, out = masks_in(options.results), options.out or options.results / "worst"
    year = year_of(options.results) if options.year is None else options.year
    sequences = read_dataset(options.root, year, options.split, only=options.sequences)
    scores = score_results(sequences, masks, workers=1)
    lines = []
    for sequence in tqdm(sequences, desc="sheets"):
        own = [score for score in scores if score.sequence == sequence.name]
        chosen = worst_frames(frame_scores(own), options.count)
        with atomic_path(out / f"{sequence.name}.png") as path:
            Image.fromarray(sheet_of(sequence, masks, chosen)).save(path, format="PNG")
        worst = chosen[0]
        name = sequence.annotations[worst.number].stem
        lines.append(f"{sequence.name:20} worst frame {name}: J&F {worst.jf:.3f} (J {worst.j:.3f}, F {worst.f:.3f})")
    print("\n".join(lines))
    print(f"sheets: {out}")


def main(words: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    return exit_code(lambda: make_sheets(parse_arguments(words)))


if __name__ == "__main__":
    sys.exit(main())
