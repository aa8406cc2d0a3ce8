"""Windows hold the box, fit the grid, and what is cut out of a frame comes back to its place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vos.geometry import Geometry
from vos.persam.window import MAX_SHARE, MIN_SIDE, MOST_ALIKE, MOST_GROWTH, Window, alike, crop, paste, window_around
from vos.structures import ImageEmbedding

GEOMETRY = Geometry((480, 854), (432, 768), (448, 768), logit_stride=2)


# Grids of 28 x 48, 30 x 40 and 22 x 36 cells.
GEOMETRIES = [GEOMETRY, *(Geometry(size, size, size, logit_stride=2) for size in ((480, 640), (352, 576)))]


@given(st.sampled_from(GEOMETRIES), st.floats(-100, 900), st.floats(-100, 600), st.floats(1, 500), st.floats(1, 400))
def test_a_window_has_even_sides_inside_the_grid_and_holds_the_box(
    geometry: Geometry, x: float, y: float, width: float, height: float
) -> None:
    box = np.float32([x, y, x + width, y + height])
    window = window_around(box, geometry)
    if window is None:
        return
    rows, columns = geometry.grid_size
    for begin, end, limit in ((window.y0, window.y1, rows), (window.x0, window.x1, columns)):
        assert 0 <= begin < end <= limit
        assert (end - begin) % 2 == 0
        assert end - begin >= MIN_SIDE
    x0, y0, x1, y1 = geometry.boxes_to_input(box) / 16
    assert window.x0 <= max(x0, 0) + 1e-3 or x0 > columns - MIN_SIDE
    assert window.y0 <= max(y0, 0) + 1e-3 or y0 > rows - MIN_SIDE
    assert window.x1 >= min(x1, columns) - 1e-3
    assert window.y1 >= min(y1, rows) - 1e-3
    assert (window.x1 - window.x0) * (window.y1 - window.y0) <= MAX_SHARE * rows * columns


def test_an_object_that_fills_the_picture_needs_the_whole_frame() -> None:
    assert window_around(np.float32([0, 0, 854, 480]), GEOMETRY) is None


def test_a_small_picture_has_no_window_smaller_than_itself() -> None:
    tiny = Geometry((96, 128), (96, 128), (96, 128), logit_stride=2)
    assert window_around(np.float32([10, 10, 20, 20]), tiny) is None


def test_what_is_cut_out_comes_back_to_its_place() -> None:
    torch.manual_seed(0)
    levels = (torch.randn(4, 28, 48), torch.randn(3, 56, 96), torch.randn(2, 112, 192))
    embedding = ImageEmbedding(torch.randn(5, 28, 48), GEOMETRY, levels)
    window = Window(4, 16, 10, 30)
    part = crop(embedding, window)
    assert part.geometry.grid_size == (12, 20)
    assert part.geometry.logit_size == (96, 160)
    assert torch.equal(part.levels[2], levels[2][:, 16:64, 40:120])
    back = paste(part.features, window, (28, 48), fill=-7.0)
    assert torch.equal(back[:, 4:16, 10:30], embedding.features[:, 4:16, 10:30])
    assert (back[:, :4] == -7).all()
    assert (back[:, :, 30:] == -7).all()
    assert paste(torch.zeros(96, 160), window, GEOMETRY.logit_size, 1.0).sum() == pytest.approx(224 * 384 - 96 * 160)


SPANS = st.tuples(st.integers(0, 13), st.integers(1, 14), st.integers(0, 23), st.integers(1, 24))


@given(st.lists(SPANS, max_size=3 * MOST_ALIKE))
def test_windows_of_a_batch_have_one_size_and_hold_what_they_held(spans: list[tuple[int, int, int, int]]) -> None:
    rows, columns = GEOMETRY.grid_size
    before = {
        number: Window(2 * y, min(2 * (y + h), rows), 2 * x, min(2 * (x + w), columns))
        for number, (y, h, x, w) in enumerate(spans)
    }
    batches = alike(before, (rows, columns))
    assert sorted(number for batch in batches for number in batch) == list(before)
    for batch in batches:
        assert len(batch) <= MOST_ALIKE
        assert len({window.size for window in batch.values()}) == 1
        for number, after in batch.items():
            old = before[number]
            assert 0 <= after.y0 <= old.y0 < old.y1 <= after.y1 <= rows
            assert 0 <= after.x0 <= old.x0 < old.x1 <= after.x1 <= columns
            areas = [(w.y1 - w.y0) * (w.x1 - w.x0) for w in (old, after)]
            assert areas[1] <= MOST_GROWTH * areas[0]


def test_no_batch_is_larger_than_the_largest() -> None:
    windows = {number: Window(0, 12, 0, 12) for number in range(2 * MOST_ALIKE + 1)}
    assert [len(batch) for batch in alike(windows, GEOMETRY.grid_size)] == [MOST_ALIKE, MOST_ALIKE, 1]


def test_windows_of_much_the_same_size_share_a_batch() -> None:
    windows = {0: Window(0, 12, 0, 14), 1: Window(8, 22, 30, 42), 2: Window(0, 28, 0, 48), 3: Window(2, 14, 4, 18)}
    assert sorted(sorted(batch) for batch in alike(windows, GEOMETRY.grid_size)) == [[0, 3], [1], [2]]
