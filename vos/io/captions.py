"""Names of objects, written into overlays."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from vos.io.fonts import wide_font
from vos.io.masks.colours import davis_palette
from vos.structures import SegmentedFrame, default_name

HEIGHT_PER_SIDE, LEAST_HEIGHT = 1 / 30, 11  # of letters, as a share of the shorter side; pixels
TO_WHITE = 0.6
NO_GLYPH = "\uffff"  # a font draws for it what it draws for every character that it lacks


def draw_captions(picture: npt.NDArray[np.uint8], segmented: SegmentedFrame) -> None:
    """Writes, in place, the name of every object that has been given one above the object, in its colour.

    Args:
        picture: (H, W, 3) RGB, of the frame's size.
        segmented: whose objects are named; those without pixels are not.
    """
    labels = segmented.label_map.labels
    height = max(LEAST_HEIGHT, round(min(labels.shape) * HEIGHT_PER_SIDE))
    for object_id, name in segmented.names.items():
        x, y, width, _ = cv2.boundingRect((labels == object_id).view(np.uint8))
        if not width:
            continue
        caption = _caption(name, object_id, height)[:, : labels.shape[1]]
        rows, columns = min(caption.shape[0], labels.shape[0]), caption.shape[1]
        top = max(0, y - rows)
        left = min(max(0, x + (width - columns) // 2), labels.shape[1] - columns)
        under = picture[top : top + rows, left : left + columns]
        share = caption[:rows, :, 3:].astype(np.float32) / 255
        under[:] = (under * (1 - share) + caption[:rows, :, :3] * share).round().astype(np.uint8)


@lru_cache(maxsize=256)
def _caption(name: str, object_id: int, height: int) -> npt.NDArray[np.uint8]:
    """Draws a name in light letters with a dark rim: (h, w, 4) RGBA with straight alpha, transparent around them."""
    own, wide = ImageFont.load_default(height), wide_font(height)
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    ways = ((name, own), (name, wide), (bare, own), (default_name(object_id), own))
    text, font = next(way for way in ways if _is_drawable(*way))
    rim = max(1, height // 12)
    left, top, right, bottom = (int(side) for side in font.getbbox(text, stroke_width=rim))
    colour = davis_palette()[object_id].astype(np.float32)
    fill = tuple(int(value) for value in colour + (255 - colour) * TO_WHITE)
    picture = Image.new("RGBA", (right - left + 2 * rim, bottom - top + 2 * rim))
    ImageDraw.Draw(picture).text(
        (rim - left, rim - top), text, font=font, fill=(*fill, 255), stroke_width=rim, stroke_fill=(0, 0, 0, 255)
    )
    return np.asarray(picture)


def _is_drawable(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> bool:
    """Says whether the font has all characters."""
    lacking = bytes(font.getmask(NO_GLYPH))
    return all(character.isspace() or bytes(font.getmask(character)) != lacking for character in text)
