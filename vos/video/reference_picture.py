"""``reference.png``: what was shown in each frame and what the model made of it, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vos.io.fonts import wide_font
from vos.io.render import Rgb, overlay
from vos.persam.first_mask import FirstMask
from vos.structures import LabelMap, ObjectPrompt
from vos.video.first_masks import ShownFrame, ShownObject

WIDTH, LEAST = 1280, 480  # pixels, of the page at most and at least
GAP, LINE, LETTERS = 10, 24, 16  # pixels
PAPER, INK, PALE, AMBER = (28, 28, 30), (240, 240, 240), (165, 165, 170), (255, 190, 70)
ON, OFF, BOXED = (90, 230, 90), (255, 80, 80), (255, 255, 255)  # clicks on the object and beside it, boxes
SPECKS = 0.01  # share of the pixels at each side that pictures of candidates may leave out
ASIDE = 0.25  # of a mask's longer side, around it in the pictures of candidates
MOST_FRAMES, MOST_OBJECTS = 8, 12  # drawn; the others are counted
TINT = 0.4


def draw_references(frames: Sequence[ShownFrame], count: int) -> Rgb:
    """Draws frames below one another: masks with outlines and prompts, and for each object its numbers and candidates.

    Args:
        frames: at least one, of one size, at most ``MOST_FRAMES``.
        count: of all frames in which something is shown; the others are counted.
    """
    width = min(WIDTH, max(LEAST, frames[0].frame.rgb.shape[1]))
    parts: list[Image.Image] = []
    for shown in frames:
        parts.append(_picture(shown, width))
        for each in shown.objects[:MOST_OBJECTS]:
            parts.append(_lines(list(_about(each, shown)), width))
            if len(each.first.candidates) > 1:
                parts.append(_candidates(each, shown, width))
        if len(shown.objects) > MOST_OBJECTS:
            parts.append(_lines([(f"and {len(shown.objects) - MOST_OBJECTS} more objects", PALE)], width))
    if count > len(frames):
        parts.append(_lines([(f"and {count - len(frames)} more frames", PALE)], width))
    page = Image.new("RGB", (width, sum(part.height for part in parts) + GAP), PAPER)
    top = 0
    for part in parts:
        page.paste(part, ((width - part.width) // 2, top))
        top += part.height
    return np.asarray(page)


def _about(each: ShownObject, shown: ShownFrame) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Says what an object's mask is like, and what is doubtful about it."""
    pixels = shown.area(each)
    share = f"{pixels:,} pixels, {pixels / shown.label_map.labels.size:.1%} of the frame"
    quality = "given" if each.prompt.mask is not None else f"predicted IoU {each.first.quality:.2f}"
    yield f"frame {shown.frame.index}, {each.name}: {share}, {quality}", INK
    for issue in each.issues:
        yield issue.message, AMBER


def _picture(shown: ShownFrame, width: int) -> Image.Image:
    """Draws the frame with all masks and prompts, no wider than the page."""
    rgb = overlay(shown.frame.rgb, shown.label_map, TINT)
    scale = min(1.0, width / rgb.shape[1])
    picture = _resized(rgb, scale)
    draw = ImageDraw.Draw(picture)
    for each in shown.objects:
        _draw_prompt(draw, each.prompt, scale, (0, 0))
    return picture


def _candidates(each: ShownObject, shown: ShownFrame, width: int) -> Image.Image:
    """Draws what the prompt may mean, side by side; the chosen one has a frame."""
    first = each.first
    cell = (width - GAP) // len(first.candidates) - GAP
    (y0, y1), (x0, x1) = _surroundings(first.candidates)
    scale = min(cell / (x1 - x0), cell / (y1 - y0))
    height = max(1, round((y1 - y0) * scale))
    captions = [_caption(first, k, cell) for k in range(len(first.candidates))]
    page = Image.new("RGB", (width, height + max(each.height for each in captions)), PAPER)
    draw = ImageDraw.Draw(page)
    for k, mask in enumerate(first.candidates):
        labels = LabelMap(mask.astype(np.uint8) * np.uint8(each.prompt.object_id), (each.prompt.object_id,))
        picture = _resized(overlay(shown.frame.rgb, labels, TINT)[y0:y1, x0:x1], scale)
        _draw_prompt(ImageDraw.Draw(picture), each.prompt, scale, (x0, y0))
        left = GAP + k * (cell + GAP)
        page.paste(picture, (left, 0))
        page.paste(captions[k], (left - GAP, height))
        if k == first.chosen:
            draw.rectangle((left - 3, -3, left + picture.width + 2, height + 2), outline=INK, width=3)
    return page


def _caption(first: FirstMask, k: int, cell: int) -> Image.Image:
    """Writes what is below a candidate, no wider than its cell."""
    is_chosen = k == first.chosen
    told = f"{k + 1}{' (chosen)' * is_chosen}: {int(first.candidates[k].sum()):,} px, IoU {first.predicted_iou[k]:.2f}"
    return _lines([(told, INK if is_chosen else PALE)], cell + 2 * GAP, LETTERS - 2)


def _surroundings(masks: npt.NDArray[np.bool_]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Finds rows and columns around all masks (M, H, W) together, specks far away left out, with some room."""
    rows, columns = (np.sort(places) for places in masks.any(axis=0).nonzero())
    cut = int(SPECKS * len(rows))
    ends = [(int(each[cut]), int(each[-1 - cut]) + 1) for each in (rows, columns)]
    room = round(ASIDE * max(16, *(stop - start for start, stop in ends)))
    first, second = (
        (max(0, start - room), min(side, stop + room)) for (start, stop), side in zip(ends, masks.shape[1:])
    )
    return first, second


def _resized(rgb: Rgb, scale: float) -> Image.Image:
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS)


def _draw_prompt(draw: ImageDraw.ImageDraw, prompt: ObjectPrompt, scale: float, origin: tuple[int, int]) -> None:
    """Draws clicks and box; ``origin`` (x, y) of the frame is the picture's corner, which is scaled."""
    if prompt.box is not None:
        corners = (prompt.box.reshape(2, 2) - origin) * scale
        draw.rectangle([tuple(corner) for corner in corners.tolist()], outline=BOXED, width=2)
    for (x, y), label in zip((prompt.points + 0.5 - origin) * scale, prompt.labels):
        for radius, colour in ((7, (0, 0, 0)), (5, ON if label else OFF)):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _lines(lines: Sequence[tuple[str, tuple[int, int, int]]], width: int, letters: int = LETTERS) -> Image.Image:
    """Writes lines of text, each with its colour, broken where they are wider than the page."""
    font, broken = wide_font(letters), []
    for text, colour in lines:
        line = ""
        for word in text.split():
            if line and font.getlength(f"{line} {word}") > width - 2 * GAP:
                broken.append((line, colour))
                line = f"   {word}"
            else:
                line = f"{line} {word}".lstrip() if not line.startswith("   ") else f"{line} {word}"
        broken.append((line, colour))
    page = Image.new("RGB", (width, len(broken) * LINE + GAP), PAPER)
    draw = ImageDraw.Draw(page)
    for k, (line, colour) in enumerate(broken):
        draw.text((GAP, GAP // 2 + k * LINE), line, colour, font)
    return page
