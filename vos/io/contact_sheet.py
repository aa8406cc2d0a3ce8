"""Contact sheets: many photos on one page, in the order given, each with its contour and caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from vos.io.fonts import wide_font
from vos.io.images import read_image, write_image
from vos.io.render import Rgb, overlay
from vos.structures import LabelMap

THUMBNAIL_SIDE = 320  # longer side, pixels
TINT = 0.25  # light, so that the object can be seen under it
COLUMNS, ROWS = 5, 8  # of a full page
CELL, CAPTION, GAP, HEADER = 256, 46, 12, 56  # pixels
NOTE_LINES, NOTE_LINE = 2, 17  # below captions, where any tile has a note; pixels
PAPER, INK, PALE, EMPTY = (28, 28, 30), (240, 240, 240), (150, 150, 155), (18, 18, 19)
DIMMED = 0.5


@dataclass(frozen=True, slots=True)
class Tile:
    """Describes one photo on a contact sheet.

    Attributes:
        picture: thumbnail, uint8 (H, W, 3), or an image file, read only when its page is drawn; None = no picture.
        title: the caption's first line, e.g. rank and score.
        name: its second line, shortened in the middle if it is too long.
        dimmed: shown dark and without colour, as what does not belong.
        note: a sentence below, on two lines at most, shortened at its end.
    """

    picture: Rgb | Path | None
    title: str
    name: str
    dimmed: bool = False
    note: str = ""


def thumbnail(rgb: Rgb, label_map: LabelMap, side: int = THUMBNAIL_SIDE) -> Rgb:
    """Makes a photo small, its objects tinted lightly and outlined.

    Args:
        rgb: the photo.
        label_map: of the same size.
        side: longer side of the result, pixels; smaller photos keep their size.
    """
    height, width = label_map.size
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    labels = np.asarray(cv2.resize(label_map.labels, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    return overlay(small, LabelMap(labels, label_map.object_ids), alpha=TINT)


def write_contact_sheet(path: str | Path, tiles: Sequence[Tile], heading: str = "") -> list[Path]:
    """Draws the tiles, row by row, on as many pages as they need.

    Args:
        path: of the first page, .png or .jpg; the others get "-2", "-3", ... before the suffix. Further pages
            of an earlier, longer sheet are removed.
        tiles: in the order in which they are shown.
        heading: one line at the top of each page.

    Returns:
        The pages' paths; none without tiles.

    Raises:
        VosError: a page cannot be written, or a picture cannot be read.
    """
    path, per_page = Path(path), COLUMNS * ROWS
    pages = [tiles[first : first + per_page] for first in range(0, len(tiles), per_page)]
    names = [path.name, *(f"{path.stem}-{number}{path.suffix}" for number in range(2, len(pages) + 1))]
    paths = [path.with_name(name) for name in names[: len(pages)]]
    for number, (target, page) in enumerate(zip(paths, pages), start=1):
        text = f"{heading} · page {number} of {len(pages)}" if len(pages) > 1 else heading
        write_image(target, draw_page(page, text, columns=min(COLUMNS, len(tiles))))
    for stale in path.parent.glob(f"{path.stem}-*{path.suffix}"):
        if stale not in paths and stale.stem.removeprefix(f"{path.stem}-").isdigit():
            stale.unlink()
    return paths


def draw_page(tiles: Sequence[Tile], heading: str = "", columns: int = COLUMNS) -> Rgb:
    """Draws one page: as many rows as the tiles need, each as high as its highest picture."""
    rows = [tiles[first : first + columns] for first in range(0, len(tiles), columns)]
    pictures = [[_picture(tile) for tile in row] for row in rows]
    heights = [max(picture.height for picture in row) for row in pictures]
    top = HEADER if heading else GAP
    caption = CAPTION + NOTE_LINES * NOTE_LINE * any(tile.note for tile in tiles)
    size = (columns * (CELL + GAP) + GAP, top + sum(heights) + len(rows) * (caption + GAP))
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    if heading:
        draw.text((GAP, (HEADER - 22) // 2), _fitting(heading, 20, page.width - 2 * GAP), INK, wide_font(20))
    for row, row_pictures, height in zip(rows, pictures, heights):
        for column, (tile, picture) in enumerate(zip(row, row_pictures)):
            x = GAP + column * (CELL + GAP)
            page.paste(picture, (x + (CELL - picture.width) // 2, top + height - picture.height))
            ink, below = PALE if tile.dimmed else INK, top + height
            draw.text((x + 2, below + 4), _fitting(tile.title, 16, CELL - 4), ink, wide_font(16))
            draw.text((x + 2, below + 25), _fitting(tile.name, 13, CELL - 4), PALE, wide_font(13))
            for k, line in enumerate(_broken(tile.note, 13, CELL - 4)):
                draw.text((x + 2, below + 25 + (k + 1) * NOTE_LINE), line, INK, wide_font(13))
        top += height + caption + GAP
    return np.asarray(page)


def _picture(tile: Tile) -> Image.Image:
    """A tile's picture, its longer side as long as a cell."""
    if tile.picture is None:
        return Image.new("RGB", (CELL, CELL // 2), EMPTY)
    rgb = read_image(tile.picture) if isinstance(tile.picture, Path) else tile.picture
    if tile.dimmed:
        gray = (rgb.astype(np.float32).mean(axis=2, keepdims=True) * DIMMED).round()
        rgb = np.repeat(gray, 3, axis=2).astype(np.uint8)
    picture = Image.fromarray(rgb)
    scale = CELL / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _fitting(text: str, size: int, width: int) -> str:
    """The text, or its beginning and end around "..." where it is wider than ``width`` pixels."""
    font, text = wide_font(size), " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    keep = len(text) - 1
    while keep > 1 and font.getlength(_shortened(text, keep)) > width:
        keep -= 1
    return _shortened(text, keep)


def _broken(text: str, size: int, width: int) -> list[str]:
    """The text on ``NOTE_LINES`` lines at most, its end left out where it needs more."""
    font, lines = wide_font(size), list[str]()
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        elif len(lines) < NOTE_LINES:
            lines.append(_fitting(word, size, width))
        else:
            while " " in lines[-1] and font.getlength(f"{lines[-1]} ...") > width:
                lines[-1] = lines[-1].rpartition(" ")[0]
            lines[-1] += " ..."
            break
    return lines


def _shortened(text: str, keep: int) -> str:
    return f"{text[: keep // 2]}...{text[len(text) - (keep - keep // 2) :]}"
