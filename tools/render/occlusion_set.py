"""Renders clips in which objects get lost and come back, with exact masks, in DAVIS layout.

    python tools/render/occlusion_set.py outputs/occlusion_set [--seed 0] [--size 480x270] [--clips 3]

writes JPEGImages/480p/<clip>/00000.jpg, Annotations/480p/<clip>/00000.png (palette PNGs), the list
ImageSets/2017/occlusion.txt, and events.csv: per clip and object the first frame in which it is fully invisible and
the first one in which at least a quarter of its usual area is back. ``benchmarks/occlusion.py`` runs a tracker on it.
Kinds of clips: see ``tools/render/occlusion_clips/kinds.py``. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from occlusion_clips.kinds import KINDS, make_clip
from PIL import Image
from tqdm import tqdm

from vos.cli.program import exit_code
from vos.errors import VosError
from vos.io.atomic import atomic_path
from vos.io.masks.label_map import write_label_map
from vos.structures import LabelMap

SPLIT = "occlusion"
BACK = 0.25  # share of its usual area from which an object counts as back
MakeSet = Callable[[Path, tuple[int, int], int, int], None]  # folder, (H, W), clips of each kind, seed
SIDES = (64, 4096)  # pixels, allowed for either side


@dataclass(frozen=True)
class Event:
    """One loss and the return after it, as frame numbers."""

    clip: str
    object: int
    frame_lost: int
    frame_back: int


def find_events(clip: str, label: int, areas: Sequence[int]) -> list[Event]:
    """Losses that are followed by a return.

    Args:
        clip: its name.
        label: the object's id.
        areas: the object's pixels per frame.
    """
    visible = [area for area in areas if area]
    usual = float(np.median(visible)) if visible else 0.0
    events, lost = [], None
    for frame, area in enumerate(areas):
        if lost is None and area == 0 and frame and areas[frame - 1]:
            lost = frame
        elif lost is not None and area and area >= BACK * usual:
            events.append(Event(clip, label, lost, frame))
            lost = None
    return events


def write_clip(root: Path, kind: str, number: int, size: tuple[int, int], seed: int, every: int = 1) -> list[Event]:
    """Renders one clip into the set.

    Args:
        root: folder of the set.
        kind: one of ``KINDS``.
        number: of the clip among those of its kind.
        size: (H, W) of the frames.
        seed: of the whole set.
        every: 1 = all frames, 3 = every third one, for a quick look; the files are numbered without gaps.
    """
    clip = make_clip(kind, number, seed)
    rng = np.random.default_rng([seed, number])
    folders = [root / name / "480p" / clip.name for name in ("JPEGImages", "Annotations")]
    maps = []
    with atomic_path(folders[0]) as images, atomic_path(folders[1]) as annotations:
        images.mkdir()
        annotations.mkdir()
        for frame, (rgb, labels) in enumerate(clip.film(size, rng, every)):
            Image.fromarray(rgb).save(images / f"{frame:05d}.jpg", quality=93)
            ids = tuple(int(i) for i in np.unique(labels) if i)
            write_label_map(annotations / f"{frame:05d}.png", LabelMap(labels, ids))
            maps.append(labels)
    objects = range(1, int(maps[0].max()) + 1)
    return [e for k in objects for e in find_events(clip.name, k, [int((labels == k).sum()) for labels in maps])]


def make_set(root: Path, size: tuple[int, int], clips: int, seed: int, every: int = 1) -> None:
    """Writes the whole set: ``clips`` clips of each kind; the rest as for :func:`write_clip`."""
    events, names = [], []
    for kind in (bar := tqdm(KINDS)):
        for number in range(clips):
            bar.set_description(f"{kind}-{number}")
            events += write_clip(root, kind, number, size, seed, every)
            names.append(f"{kind}-{number}")
    listed = root / "ImageSets" / "2017" / f"{SPLIT}.txt"
    listed.parent.mkdir(parents=True, exist_ok=True)
    listed.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    with (root / "events.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([item.name for item in fields(Event)])
        writer.writerows(astuple(event) for event in events)
    print(f"{len(names)} clips, {len(events)} returns: {root}")


def read_size(text: str) -> tuple[int, int]:
    """``480x270`` as (H, W)."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or not all(SIDES[0] <= int(side) <= SIDES[1] for side in match.groups()):
        raise VosError(f"--size {text} is not usable; give width x height in pixels, {SIDES[0]} to {SIDES[1]}: 480x270")
    return int(match[2]), int(match[1])


def set_program(
    about: str | None, make: Callable[[Path, tuple[int, int], int, int], None], size: str, clips: int
) -> int:
    """Is the command line of a tool that renders a set of clips.

    Args:
        about: what its help says.
        make: renders the set: folder, (H, W), clips of each kind, seed.
        size: of the frames, if none is given.
        clips: of each kind, likewise.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", default=size, help="of the frames: width x height, pixels")
    parser.add_argument("--clips", type=int, default=clips, help="of each kind")
    options = parser.parse_args()

    def run() -> None:
        if options.clips < 1 or options.seed < 0:
            raise VosError(f"--clips {options.clips} --seed {options.seed}: use 1 or more clips, a seed from 0 on")
        make(options.out, read_size(options.size), options.clips, options.seed)

    return exit_code(run)


def main() -> int:
    """Reads the options; returns the exit status."""
    return set_program(__doc__, make_set, "480x270", 3)


if __name__ == "__main__":
    sys.exit(main())
