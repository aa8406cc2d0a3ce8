"""A mask that was found, corrected by clicks."""

from __future__ import annotations

import numpy as np
from fakes import ColourSegmenter, square_clip, square_mask

from vos.persam.corrected_mask import corrected_mask, middles

RGB, TRUTH = square_clip(1, (96, 128))[0], square_mask(0, (96, 128)).labels > 0


def corrected(mask: np.ndarray, point: tuple[int, int], label: int) -> np.ndarray:
    model = ColourSegmenter()
    points, labels = np.array([point], np.float32), np.array([label])
    return corrected_mask(model, RGB, model.encode([RGB])[0], mask, points, labels)


def test_what_is_missing_comes_and_the_rest_stays() -> None:
    mask = TRUTH.copy()
    mask[26:32] = False
    mask[80:90, 90:100] = True  # wrong, but nobody says so
    found = corrected(mask, (16, 29), 1)
    assert found[28, 12:20].all()
    assert found[80:90, 90:100].all()
    assert (found >= mask).all()


def test_what_is_too_much_goes_and_the_rest_stays() -> None:
    mask = TRUTH.copy()
    mask[60:80, 60:80] = True
    found = corrected(mask, (70, 70), 0)
    assert not found[62:78, 62:78].any()
    assert (found[:50] == mask[:50]).all()


def test_clicks_for_a_mask_are_inside_it_and_apart() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[5:35, 5:25] = mask[10:14, 40:44] = True
    points = middles(mask, np.array([[15, 20]], np.float32))
    assert len(points) == 3
    assert all(mask[int(y), int(x)] for x, y in points)
    assert np.hypot(*(points - [15, 20]).T).min() > 3
    assert len(middles(np.eye(3, dtype=np.bool_)[:1], np.zeros((0, 2), np.float32))) == 1
