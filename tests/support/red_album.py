"""An album of small photos with a red square in them, and what a run on it has written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (96, 128)
EXIF_ORIENTATION = 0x0112


def picture(x: int | None, y: int = 32, seed: int = 0) -> np.ndarray:
    """A red square at (x, y) on a noisy blue ramp, uint8 (H, W, 3); no square for None."""
    rng = np.random.default_rng(seed)
    rgb = np.zeros((*SIZE, 3), np.uint8)
    rgb[..., 2] = np.linspace(60, 160, SIZE[1]).astype(np.uint8)[None] + rng.integers(0, 8, SIZE).astype(np.uint8)
    if x is not None:
        rgb[y : y + 32, x : x + 32] = (225, 30, 30)
    return rgb


def truth(x: int, y: int = 32) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[y : y + 32, x : x + 32] = True
    return mask


def table(folder: str = "outputs/my-photos") -> dict[str, dict[str, str]]:
    with Path(folder, "album.csv").open(newline="") as file:
        return {row["photo"]: row for row in csv.DictReader(file)}


def mask(name: str, folder: str = "outputs/my-photos") -> np.ndarray:
    return np.asarray(Image.open(Path(folder, "masks", name)))


def make_album(folder: Path) -> list[str]:
    """Writes an album of every kind of file and a reference beside it; gives the words that name them."""
    photos = folder / "my photos"
    (photos / "trip").mkdir(parents=True)
    Image.fromarray(picture(64)).save(photos / "a 10.jpg", quality=95)
    Image.fromarray(picture(16)).save(photos / "a 2.png")
    Image.fromarray(picture(None)).save(photos / "nothing.png")
    Image.fromarray(picture(48)).convert("CMYK").save(photos / "trip" / "cmyk.jpg", quality=95)
    Image.fromarray(picture(80)).save(photos / "trip" / "a 2.webp", quality=95)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    Image.fromarray(np.rot90(picture(32))).save(photos / "trip" / "turned.jpg", exif=exif, quality=95)
    gray = picture(32)[..., 0].astype(np.uint16) * 257
    Image.fromarray(gray).save(photos / "trip" / "16 bit.png")
    Image.fromarray(picture(32)).convert("L").save(photos / "trip" / "gray.png")
    Image.fromarray(np.rot90(picture(32))).save(folder / "rex.jpg", exif=exif, quality=95)
    Image.fromarray(np.rot90(truth(32)).astype(np.uint8) * 255).save(folder / "rex.png")  # as stored
    return [f"images={photos}", f"ref_image={folder / 'rex.jpg'}", f"ref_mask={folder / 'rex.png'}"]
