"""Training pictures for personalised image generation: square crops around the object, their masks and metadata.

Layout, below one folder per object::

    train/images/<name>.png   the crops; nothing else is in that folder (--instance_data_dir reads all it finds)
    train/metadata.jsonl      {"file_name": "images/<name>.png", "text": "..."} (image-folder loader: --train_data_dir)
    masks/<name>.png          their masks, 0..255, outside of what the loader looks at

N. Ruiz et al., "DreamBooth", CVPR 2023; the loader is Hugging Face datasets' ``imagefolder``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.io.atomic import atomic_path
from vos.io.background import COLOURS, parse_colour
from vos.io.images import write_image
from vos.io.render import blurred_surroundings, cutout, on_background

Rgb = npt.NDArray[np.uint8]
Alpha = npt.NDArray[np.uint8]
Background = str | tuple[int, int, int]

SIZES = (512, 768, 1024)
WORDS = ("transparent", "blur", "keep", *COLOURS)


def parse_background(value: str) -> Background:
    """Parses "transparent", "blur", "keep" or a colour: a word of ``COLOURS`` or ``#rrggbb``.

    Raises:
        VosError: anything else.
    """
    word = value.strip().lower()
    if (colour := parse_colour(word)) is not None:
        return colour
    if word not in WORDS:
        raise VosError(f"background {value} is not understood; choose {', '.join(WORDS)} or a colour such as #f0f0f0")
    return word


def square_crop(
    rgb: Rgb, alpha: Alpha, size: int, margin: float = 0.1, background: Background = COLOURS["white"]
) -> tuple[npt.NDArray[np.uint8], Alpha]:
    """Cuts a square around the object, with its mask.

    The square is moved into the photo where that is possible; what still lies outside of the photo is background.

    Args:
        rgb: uint8 (H, W, 3).
        alpha: uint8 (H, W), 255 = object, not all 0.
        size: side of the result, pixels.
        margin: room on each side, as a share of the object's longer side.
        background: a colour; "transparent" (white under full transparency, for readers that ignore alpha);
            "blur" for the photo out of focus; "keep" for the photo as it is.

    Returns:
        uint8 (size, size, 3), or (size, size, 4) where transparent, and the mask, uint8 (size, size).
    """
    top, left, side = _square(alpha, margin)
    rows, columns = (slice(max(0, a), min(a + side, n)) for a, n in zip((top, left), alpha.shape))
    rgb, alpha = rgb[rows, columns], alpha[rows, columns]
    # At its final scale first: blurring and blending then cost the same for every camera.
    height, width = (max(1, round(n * size / side)) for n in alpha.shape)
    kind = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=kind), dtype=np.uint8)
    alpha = np.asarray(cv2.resize(alpha, (width, height), interpolation=kind), dtype=np.uint8)
    above, before = (min(max(0, -a) * size // side, size - n) for a, n in zip((top, left), alpha.shape))
    around = (above, size - height - above, before, size - width - before)
    mask = np.asarray(cv2.copyMakeBorder(alpha, *around, cv2.BORDER_CONSTANT, value=0), dtype=np.uint8)
    picture = np.asarray(cv2.copyMakeBorder(rgb, *around, cv2.BORDER_REPLICATE), dtype=np.uint8)
    if background == "keep":
        return picture, mask
    if background == "transparent":
        return cutout(np.where(mask[..., None] > 0, picture, 255).astype(np.uint8), mask), mask
    if background == "blur":
        behind = blurred_surroundings(rgb, alpha)
        extended = np.asarray(cv2.copyMakeBorder(behind, *around, cv2.BORDER_REPLICATE), dtype=np.uint8)
        return on_background(picture, mask, extended), mask
    assert not isinstance(background, str)
    return on_background(picture, mask, background), mask


def write_crop(folder: Path, name: str, picture: npt.NDArray[np.uint8], mask: Alpha) -> Path:
    """Writes a crop and its mask; returns the crop's path relative to ``folder/train``, as the metadata names it."""
    file = f"{flat_name(name)}.png"
    write_image(folder / "masks" / file, mask)
    write_image(folder / "train" / "images" / file, picture)
    return Path("images") / file


def write_metadata(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Writes ``train/metadata.jsonl`` and removes the crops that an earlier one named and this one does not.

    Loaders stop at pictures without metadata.

    Args:
        folder: of one object's training pictures.
        rows: each with "file_name", relative to ``train``, and "text".
    """
    path = folder / "train" / "metadata.jsonl"
    earlier = _named(path)
    with atomic_path(path) as temporary:
        lines = (json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows)
        temporary.write_text("".join(lines), encoding="utf-8", errors="backslashreplace", newline="\n")
    for name in earlier - {str(row["file_name"]) for row in rows}:
        (folder / "train" / name).unlink(missing_ok=True)
        (folder / "masks" / Path(name).name).unlink(missing_ok=True)
    return path


def flat_name(name: str) -> str:
    """Makes a photo's name free of folders, which trainers do not look into; different names stay different."""
    flat = name.replace("/", "__")
    return f"{flat}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:6]}" if flat.replace("__", "/") != name else flat


def _named(path: Path) -> set[str]:
    """Lists the files that a metadata file names."""
    if not path.is_file():
        return set()
    try:
        return {str(json.loads(line)["file_name"]) for line in path.read_text(encoding="utf-8").splitlines()}
    except (ValueError, KeyError):
        return set()


def _square(alpha: Alpha, margin: float) -> tuple[int, int, int]:
    """Places the square: top, left and side in pixels; it may reach over the photo's edges."""
    x, y, width, height = cv2.boundingRect((alpha > 127).astype(np.uint8))
    if width == 0:
        x, y, width, height = cv2.boundingRect((alpha > 0).astype(np.uint8))
    side = max(1, math.ceil(max(width, height) * (1 + 2 * margin)))
    starts = []
    for start, length, limit in ((y, height, alpha.shape[0]), (x, width, alpha.shape[1])):
        first = start + (length - side) // 2
        starts.append(min(max(first, 0), limit - side) if side <= limit else (limit - side) // 2)
    return starts[0], starts[1], side
