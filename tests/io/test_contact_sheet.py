"""Contact sheets: order, captions, pages, and what an absent photo looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from vos.io.contact_sheet import (
    CAPTION,
    CELL,
    COLUMNS,
    GAP,
    ROWS,
    Tile,
    _broken,
    _fitting,
    draw_page,
    thumbnail,
    write_contact_sheet,
)
from vos.io.fonts import wide_font
from vos.structures import LabelMap


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (60, 80)) -> np.ndarray:
    return np.full((*size, 3), colour, np.uint8)


def place(index: int, height: int = CELL) -> tuple[slice, slice]:
    """Where the ``index``-th picture is on a page without heading and with pictures of one height."""
    row, column = divmod(index, COLUMNS)
    y, x = GAP + row * (height + CAPTION + GAP), GAP + column * (CELL + GAP)
    return slice(y, y + height), slice(x, x + CELL)


def test_tiles_are_drawn_in_order_and_dimmed_ones_without_colour() -> None:
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)] * 2
    tiles = [Tile(flat(c, (64, 64)), f"{k}", f"{k}.jpg", dimmed=k == 5) for k, c in enumerate(colours)]
    page = draw_page(tiles)
    for index, colour in enumerate(colours[:5]):
        np.testing.assert_array_equal(page[place(index)][100, 100], colour)
    red, green, blue = page[place(5)][100, 100].astype(int)
    assert red == green == blue < np.mean(colours[5])


def test_rows_are_as_high_as_their_pictures() -> None:
    wide, high = Tile(flat((9, 9, 9), (40, 80)), "", ""), Tile(flat((9, 9, 9), (80, 40)), "", "")
    row = CAPTION + GAP
    assert draw_page([wide] * 5).shape[0] == GAP + CELL // 2 + row
    assert draw_page([wide] * 5 + [high]).shape[0] == GAP + CELL // 2 + row + CELL + row


def test_notes_are_broken_and_shortened_at_their_end() -> None:
    width = CELL - 4
    words = ["the", "shape", "changed:", "IoU", "with", "the", "mask", "before,", "moved", "along,", "is", "0.46"]
    short, long = (_broken(" ".join(words * times), 13, width) for times in (1, 4))
    assert " ".join(short).split() == words
    assert len(short) == len(long) == 2
    assert long[1].endswith(" ...")
    assert (words * 4)[: len(" ".join(long).split()) - 1] == " ".join(long).split()[:-1]
    assert all(wide_font(13).getlength(line) <= width for line in (*short, *long))
    assert _broken("", 13, width) == []
    tiles = [Tile(flat((0, 0, 0), (64, 64)), "1", "a", note=note) for note in ("", "why")]
    heights = [draw_page(tiles[:count]).shape[0] for count in (1, 2)]
    assert heights[1] > heights[0], "room for notes where there are any"


def test_captions_are_written() -> None:
    picture = flat((0, 0, 0), (64, 64))
    blank, named = (draw_page([Tile(picture, title, title)], columns=1) for title in ("", "1 · 0.93"))
    below = slice(GAP + CELL, None)
    assert (blank[below] == blank[-1, -1]).all()
    assert (named[below] != blank[below]).any()


def test_pages(tmp_path: Path) -> None:
    tiles = [Tile(None, f"{k}", "") for k in range(2 * COLUMNS * ROWS + 1)]
    paths = write_contact_sheet(tmp_path / "sheet.png", tiles, "many")
    assert [path.name for path in paths] == ["sheet.png", "sheet-2.png", "sheet-3.png"]
    widths = {Image.open(path).width for path in paths}
    assert len(widths) == 1  # the last page, with one photo, too
    (tmp_path / "sheet-a.png").touch()
    assert write_contact_sheet(tmp_path / "sheet.png", tiles[:3]) == [tmp_path / "sheet.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet-a.png", "sheet.png"]
    assert write_contact_sheet(tmp_path / "none.png", []) == []
    assert not (tmp_path / "none.png").exists()


def test_pictures_come_from_files_and_bytes_repeat(tmp_path: Path) -> None:
    Image.fromarray(flat((10, 120, 10))).save(tmp_path / "a.png")
    tiles = [Tile(tmp_path / "a.png", "1", "a")]
    first, second = (write_contact_sheet(tmp_path / f"{k}.jpg", tiles, "x")[0].read_bytes() for k in range(2))
    assert first == second
    assert np.asarray(Image.open(tmp_path / "0.jpg"))[150, 100, 1] > 100


def test_thumbnail_is_small_and_outlined() -> None:
    labels = np.zeros((600, 900), np.uint8)
    labels[150:450, 300:600] = 7
    small = thumbnail(flat((90, 90, 90), (600, 900)), LabelMap(labels, (7,)), side=300)
    assert small.shape == (200, 300, 3)
    np.testing.assert_array_equal(small[10, 10], (90, 90, 90))
    assert (small[100, 150] != 90).any()
    assert int(small[49:52, 150].max()) > 180
    assert thumbnail(flat((1, 2, 3), (5, 1000)), LabelMap(np.zeros((5, 1000), np.uint8), (1,))).shape[0] >= 1


@given(st.text(max_size=80), st.integers(20, 300))
@example(".000", 25)
def test_names_are_shortened_to_fit(text: str, width: int) -> None:
    short = _fitting(text, 13, width)
    assert wide_font(13).getlength(short) <= width or len(short) <= 5
    plain = " ".join(text.split())
    cuts = (k for k in range(len(short)) if short[k : k + 3] == "...")  # a name may hold dots of its own
    assert short == plain or any(plain.startswith(short[:k]) and plain.endswith(short[k + 3 :]) for k in cuts)
