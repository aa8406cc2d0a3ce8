"""Renders clips with an exact soft alpha, exact colours of object and background, and first masks, right and wrong.

    python tools/render/matte_set.py outputs/matte_set [--seed 0] [--size 640x360] [--clips 2]

writes for each clip of each kind (tools/render/matte_clips/kinds.py) JPEGImages/480p/<clip>/00000.png (frames, without
loss), Annotations/480p/<clip>/00000.png (palette PNGs: object where the alpha is at least a half, of glass 0.3),
Alpha/<clip>/00000.png (16-bit gray), Foreground/<clip>/00000.png and Background/<clip>/00000.png (RGB),
FirstMasks/<fault>/<clip>.png, and the list ImageSets/2017/mattes.txt. A frame is alpha * foreground + (1 - alpha) *
background in display values, with a little grain. ``benchmarks/mattes.py`` scores mattes on it. The same seed gives the
same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from matte_clips.kinds import FRAMES, KINDS, MASK_FROM, make_clip
from matte_clips.sprites import colours_of
from occlusion_set import set_program
from PIL import Image
from tqdm import tqdm

from vos.io.atomic import atomic_path
from vos.io.masks.label_map import write_label_map
from vos.structures import LabelMap

SPLIT = "mattes"
GRAIN = 0.006  # sigma, display values
FAULT = 1 / 160  # of the frame's width: how far the slightly wrong first masks are off
FOLDERS = ("JPEGImages/480p", "Annotations/480p", "Alpha", "Foreground", "Background")
Mask = npt.NDArray[np.bool_]


def faulty_masks(mask: Mask) -> dict[str, Mask]:
    """First masks as users draw them: exact, too small, too large, and beside the object."""
    reach = max(1, round(mask.shape[1] * FAULT))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    values = mask.view(np.uint8)
    return {
        "exact": mask,
        "eroded": cv2.erode(values, disk) > 0,
        "grown": cv2.dilate(values, disk) > 0,
        "shifted": np.roll(mask, (reach, reach), (0, 1)),
    }


def film(kind: str, number: int, size: tuple[int, int], seed: int) -> Iterator[tuple[npt.NDArray[np.float32], ...]]:
    """Renders a clip: per frame the picture (H, W, 3), alpha (H, W), the object's and the background's colours.

    All float32, display values 0..1; the picture has grain.
    """
    clip, rng = make_clip(kind, number, seed), np.random.default_rng([seed, number])
    for frame in range(FRAMES):
        sprite, behind = clip.sprite(float(frame), size), clip.background(float(frame), size)
        alpha = sprite[..., 3]
        picture = sprite[..., :3] + (1 - alpha[..., None]) * behind + rng.normal(0, GRAIN, behind.shape)
        yield np.asarray(np.clip(picture, 0, 1), np.float32), np.clip(alpha, 0, 1), colours_of(sprite), behind


def write_clip(root: Path, kind: str, number: int, size: tuple[int, int], seed: int) -> None:
    """Renders one clip into the set at ``root``; ``size`` = (H, W)."""
    name = f"{kind}-{number}"
    folders = [root / folder / name for folder in FOLDERS]
    for folder in folders:
        folder.parent.mkdir(parents=True, exist_ok=True)
    images, annotations, alphas, fronts, backs = folders
    for folder in folders[2:]:
        folder.mkdir(exist_ok=True)
    with atomic_path(images) as frames, atomic_path(annotations) as labels:
        frames.mkdir()
        labels.mkdir()
        for frame, (picture, alpha, front, back) in enumerate(film(kind, number, size, seed)):
            file, mask = f"{frame:05d}.png", alpha >= MASK_FROM.get(kind, 0.5)
            for folder, values in ((frames, picture), (fronts, front), (backs, back)):
                Image.fromarray((values * 255 + 0.5).astype(np.uint8)).save(folder / file, compress_level=1)
            Image.fromarray((alpha * 65535 + 0.5).astype(np.uint16)).save(alphas / file, compress_level=1)
            write_label_map(labels / file, LabelMap(mask.astype(np.uint8), (1,)))
            for fault, wrong in (faulty_masks(mask) if frame == 0 else {}).items():
                path = root / "FirstMasks" / fault / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_label_map(path, LabelMap(wrong.astype(np.uint8), (1,)))


def make_set(root: Path, size: tuple[int, int], clips: int, seed: int) -> None:
    """Writes the whole set: ``clips`` clips of each kind; the rest as for :func:`write_clip`."""
    names = []
    for kind in (bar := tqdm(KINDS)):
        for number in range(clips):
            bar.set_description(f"{kind}-{number}")
            write_clip(root, kind, number, size, seed)
            names.append(f"{kind}-{number}")
    listed = root / "ImageSets" / "2017" / f"{SPLIT}.txt"
    listed.parent.mkdir(parents=True, exist_ok=True)
    listed.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    print(f"{len(names)} clips: {root}")


def main() -> int:
    """Reads the options; returns the exit status."""
    return set_program(__doc__, make_set, "640x360", 2)


if __name__ == "__main__":
    sys.exit(main())
