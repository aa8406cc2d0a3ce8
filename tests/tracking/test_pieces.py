"""Which pieces of a mask are the object: sizes tell look-alikes that leave from what a pole parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vos.tracking.pieces import HISTORY, STEADY, Pieces

SIZE = 60, 100
USUAL = 20 * 20


def mask(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Boxes (x0, y0, x1, y1)."""
    drawn = np.zeros(SIZE, np.uint8)
    for x0, y0, x1, y1 in boxes:
        drawn[y0:y1, x0:x1] = 1
    return drawn


def strangers(pieces: Pieces, drawn: np.ndarray, sure: np.ndarray, before: np.ndarray | None = None) -> Any:
    """Asks for strangers; ``sure`` is where the decoder is surest."""
    return pieces.strangers(drawn, sure.astype(np.float32), before)


def followed(frames: int = 12, area: int = USUAL) -> Pieces:
    pieces = Pieces()
    for _ in range(frames):
        pieces.note(area)
    return pieces


OWN, TWIN = (10, 10, 30, 30), (40, 10, 58, 30)


@pytest.mark.parametrize("sure", [OWN, TWIN])
def test_of_two_whole_pieces_the_surer_one_is_the_object(sure: tuple[int, int, int, int]) -> None:
    both = mask(OWN, TWIN)
    found = strangers(followed(), both, mask(sure))
    assert found is not None
    np.testing.assert_array_equal(found, mask(TWIN if sure == OWN else OWN) > 0)


def test_while_it_comes_out_its_size_is_not_taken_for_the_objects() -> None:
    pieces = followed()
    for area in range(USUAL, 2 * USUAL, USUAL // 20):
        pieces.note(area)
    assert strangers(pieces, mask(OWN, TWIN), mask(OWN)) is not None


def test_what_a_pole_parts_stays() -> None:
    halves = mask((10, 10, 19, 30), (27, 10, 36, 30))
    assert strangers(followed(), halves, halves) is None
    nearer = mask((0, 10, 18, 30), (28, 10, 46, 30))  # and has grown since: no half is as large as the whole was
    growing = Pieces()
    for area in np.linspace(USUAL, 2 * USUAL, 30):
        growing.note(round(area))
    assert strangers(growing, nearer, nearer) is None


def test_pieces_that_are_near_or_small_stay() -> None:
    near = mask(OWN, (33, 10, 51, 30))
    assert strangers(followed(), near, mask(OWN)) is None
    small = mask(OWN, (45, 10, 50, 15))
    assert strangers(followed(), small, mask(OWN)) is None


def test_nothing_is_cut_before_the_size_is_known_and_long_ago_is_forgotten() -> None:
    both = mask(OWN, TWIN)
    assert strangers(followed(STEADY - 1), both, both) is None
    restless = Pieces()
    for t in range(HISTORY):
        restless.note(round(USUAL * (1.0, 1.3, 0.8)[t % 3]))
    assert strangers(restless, both, both) is None
    pieces = followed()
    for _ in range(HISTORY):
        pieces.note(2 * USUAL)
    assert strangers(pieces, both, both) is None
    pieces = followed()
    pieces.forget()
    assert strangers(pieces, both, both) is None


def test_strangers_stay_strangers_and_the_object_keeps_its_own_piece() -> None:
    pieces, both = followed(), mask(OWN, TWIN)
    assert strangers(pieces, both, mask(OWN)) is not None
    small = mask(OWN, (45, 10, 50, 15))  # too little of it to be told by size; and surer than the object
    found = strangers(pieces, small, mask((45, 10, 50, 15)), mask((12, 10, 32, 30)))
    assert found is not None
    np.testing.assert_array_equal(found, mask((45, 10, 50, 15)) > 0)
    for _ in range(HISTORY):
        assert strangers(pieces, mask(OWN), mask(OWN), mask(OWN)) is None
    assert strangers(pieces, small, small, mask(OWN)) is None
