"""How good are soft masks? Errors against exact ones on rendered clips; haze, and J&F when cut at a half, on DAVIS.

    python tools/render/matte_set.py outputs/matte_set --seed 7
    python benchmarks/mattes.py outputs/matte_set [--faults exact,eroded] [--davis DATA/davis16] [--write TABLE.csv]

Objects are tracked from their first masks (once: --kept keeps the hard masks); then each candidate makes soft masks of
them. pymatting's are among the candidates where it is installed. ``docs/mattes.md`` says what the errors are.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from matting.candidates import Candidate, candidates
from matting.scores import MatteScores, haze, score_clip
from tqdm import tqdm

import vos
from vos.cli.program import exit_code
from vos.errors import VosError
from vos.evaluation.davis import DavisSequence, read_annotation, read_dataset
from vos.evaluation.jf import boundary_measure, region_similarity
from vos.io.images import read_image

Labels = Sequence[npt.NDArray[np.uint8]]
Row = dict[str, str]

SPLIT = "mattes"
FAULTS = ("exact", "eroded", "grown", "shifted")


def tracked(frames: Path, first: Path, kept: Path) -> Labels:
    """Tracks an object through a folder of frames from its first mask, or reads what was kept of that: uint8 (H, W)."""
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        masks = [result.labels for result in vos.track(str(frames), str(first))]
        np.savez_compressed(kept, labels=np.stack(masks))
    with np.load(kept) as file:
        return [np.asarray(labels > 0, np.uint8) for labels in file["labels"]]


def rendered(root: Path, faults: Sequence[str], kept: Path, count: int) -> Iterator[Row]:
    """Scores all candidates on a rendered set: a row per kind, sort of first mask and candidate.

    Args:
        root: of the set.
        faults: of the first masks, of ``FAULTS``.
        kept: folder for tracked masks.
        count: frames of a clip that are scored, from its first on.
    """
    listed = root / "ImageSets" / "2017" / f"{SPLIT}.txt"
    if not listed.is_file():
        raise VosError(f"{listed} is missing; give a folder that tools/render/matte_set.py has written")
    scores: dict[tuple[str, str, str], list[MatteScores]] = {}
    for clip in tqdm(listed.read_text(encoding="utf-8").split()):
        folder = root / "JPEGImages" / "480p" / clip
        paths = sorted(folder.iterdir())[:count]
        frames = [read_image(path) for path in paths]
        truth = [_alpha(root / "Alpha" / clip / f"{path.stem}.png") for path in paths]
        for fault in faults:
            masks = tracked(
                folder, root / "FirstMasks" / fault / f"{clip}.png", kept / f"{root.name}-{clip}-{fault}.npz"
            )
            for name, candidate in candidates().items():
                mattes = [candidate(mask, frame) for mask, frame in zip(masks, frames)]
                scores.setdefault((clip.rpartition("-")[0], fault, name), []).append(score_clip(truth, mattes))
    for (kind, fault, name), found in scores.items():
        cells = {key: f"{value:.3f}" for key, value in MatteScores.mean(found).named().items()}
        yield {"set": root.name, "kind": kind, "first mask": fault, "candidate": name, **cells}


def davis(root: Path, split: str, kept: Path) -> Iterator[Row]:
    """Scores vos' soft masks on DAVIS-2016: J&F when cut at a half, and the haze beyond 10 pixels."""
    sequences = read_dataset(root, 2016, split, "480p", None)
    chosen = {name: one for name, one in candidates().items() if name not in ("closed form", "KNN")}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
    for sequence in tqdm(sequences):
        for name, values in _davis_sequence(sequence, chosen, kept).items():
            found[name].append(values)
    for name, rows in found.items():
        jf, far = np.mean(rows, axis=0)
        yield {"set": "davis16", "kind": split, "candidate": name, "jf": f"{jf:.4f}", "haze": f"{100 * far:.3f}"}


def _davis_sequence(
    sequence: DavisSequence, chosen: Mapping[str, Candidate], kept: Path
) -> dict[str, tuple[float, float]]:
    """J&F and haze of one sequence, by candidate; the first and the last frame do not count, as DAVIS has it."""
    images = sequence.images()
    masks = tracked(images[0].parent, sequence.annotations[0], kept / f"davis-{sequence.name}.npz")
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
    for image, annotation, mask in list(zip(images, sequence.annotations, masks))[1:-1]:
        real, frame = read_annotation(annotation, 2016) > 0, read_image(image)
        for name, candidate in chosen.items():
            matte = candidate(mask, frame)
            cut = matte > 0.5
            jf = (region_similarity(real, cut) + boundary_measure(real, cut)) / 2
            found[name].append((jf, haze(real, matte, float(real.sum())) if real.any() else 0.0))
    return {
        name: (float(np.mean(column[0])), float(np.mean(column[1])))
        for name, rows in found.items()
        for column in [list(zip(*rows))]
    }


def _alpha(path: Path) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED) / np.float32(65535), np.float32)


def write(rows: Sequence[Row], path: Path) -> None:
    """Writes rows into the table's file, in place of those of the same set, kind, first mask and candidate."""
    key = ("set", "kind", "first mask", "candidate")
    known: dict[tuple[str, ...], Row] = {}
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            known = {tuple(row[name] for name in key): row for row in csv.DictReader(file)}
    known |= {tuple(row.get(name, "") for name in key): row for row in rows}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*key, *MatteScores.names(), "jf"], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(known.values())


def main() -> int:
    """Reads the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, help="folder written by tools/render/matte_set.py")
    parser.add_argument("--faults", default="exact", help=f"of the first masks, of {','.join(FAULTS)}")
    parser.add_argument("--frames", type=int, default=12, help="of each clip that are scored")
    parser.add_argument("--davis", type=Path, default=None, help="DAVIS-2016, to be scored as well")
    parser.add_argument("--split", default="dev", help="of DAVIS-2016")
    parser.add_argument("--kept", type=Path, default=Path("outputs/mattes"), help="folder for tracked masks")
    parser.add_argument("--write", type=Path, default=None, help="CSV file for the rows")
    options = parser.parse_args()

    def run() -> None:
        faults = options.faults.split(",")
        if unknown := set(faults) - set(FAULTS):
            raise VosError(f"--faults {','.join(sorted(unknown))} is not understood; choose from {','.join(FAULTS)}")
        rows = list(rendered(options.set, faults, options.kept, options.frames))
        if options.davis is not None:
            rows += davis(options.davis, options.split, options.kept)
        for row in rows:
            print("  ".join(f"{cell:>12}" for cell in row.values()))
        if options.write is not None:
            write(rows, options.write)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
