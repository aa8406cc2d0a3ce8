"""Clicks have the last word about pieces, holes and the pixels under them."""

from __future__ import annotations

import numpy as np

from vos.persam.click_pixels import obey_clicks


def clicks(*given: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Points and labels of (x, y, label)."""
    return np.array([(x, y) for x, y, _ in given], np.float32).reshape(-1, 2), np.array([c[2] for c in given], np.int64)


def two_pieces() -> np.ndarray:
    mask = np.zeros((60, 100), np.bool_)
    mask[10:50, 5:45] = mask[10:50, 60:95] = True
    return mask


def test_only_pieces_with_a_click_stay() -> None:
    mask = two_pieces()
    kept = obey_clicks(mask, *clicks((20, 30, 1)))
    assert kept[30, 20]
    assert not kept[:, 50:].any()
    both = obey_clicks(mask, *clicks((20, 30, 1), (70, 30, 1)))
    np.testing.assert_array_equal(both, mask)
    np.testing.assert_array_equal(mask, two_pieces())  # the caller's stays


def test_without_a_click_on_the_object_all_pieces_stay() -> None:
    np.testing.assert_array_equal(obey_clicks(two_pieces(), *clicks((50, 55, 1))), two_pieces())
    np.testing.assert_array_equal(obey_clicks(two_pieces(), *clicks()), two_pieces())


def test_clicks_beside_the_object_are_never_on_it() -> None:
    obeyed = obey_clicks(two_pieces(), *clicks((20, 30, 1), (30, 30, 0), (31, 31, 0), (44, 55, 1)))
    assert not obeyed[30, 30]
    assert not obeyed[31, 31]
    assert obeyed[30, 20]
    assert not obeyed[55, 44], "what the model has missed stays missed"
    assert obeyed[30, 38]
    assert obey_clicks(two_pieces(), *clicks((20, 30, 1), (21, 30, 0)))[30, 20], "a neighbour's click does not hide it"


def test_small_holes_are_filled_unless_a_click_is_in_them() -> None:
    mask = np.zeros((200, 200), np.bool_)
    mask[10:190, 10:190] = True
    mask[50:53, 50:53] = mask[100:103, 100:103] = mask[150:180, 100:130] = False
    filled = obey_clicks(mask, *clicks((20, 20, 1), (101, 101, 0)))
    assert filled[51, 51]
    assert not filled[101, 101]
    assert not filled[160, 110], "a large hole is one"
    assert not filled[5, 5]
