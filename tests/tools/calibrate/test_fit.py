"""The fit finds what it should, never rewards a sign, and what it is worth is told by sequences it has not seen."""

from __future__ import annotations

import numpy as np
import pytest
from calibrating.fit import Judgements, fit, leave_one_out, named, worst_of_frames


def made(seed: int, count: int = 400) -> Judgements:
    """Frames of one object whose first sign says how wrong they are; the second says nothing, the third the reverse."""
    noise = np.random.default_rng(seed)
    signs = noise.random((count, 3))
    iou = 1 / (1 + np.exp(-2 + 5 * signs[:, 0] - 2 * signs[:, 2]))
    return Judgements("made", np.arange(count), signs, iou)


def test_weights_come_back_and_none_is_below_its_floor() -> None:
    own = made(0, 4000)
    offset, weights = fit(own.signs, 1 - own.iou, np.ones(4000), np.array([-9.0, -9.0, -9.0]))
    assert weights == pytest.approx([5, 0, -2], abs=0.6)
    assert offset == pytest.approx(-2, abs=0.4)
    _, weights = fit(own.signs, 1 - own.iou, np.ones(4000), np.array([0.0, 0.3, 0.1]))
    assert weights[0] > 3
    assert weights[1:] == pytest.approx([0.3, 0.1])


def test_a_sign_that_never_occurs_gets_its_floor() -> None:
    own = made(0)
    signs = np.column_stack([own.signs[:, 0], np.zeros(400)])
    _, weights = fit(signs, 1 - own.iou, np.ones(400), np.array([0.0, 0.3]))
    assert weights[1] == pytest.approx(0.3)


def test_the_worst_object_counts() -> None:
    own = Judgements("", np.array([4, 4, 9]), np.zeros((3, 1)), np.array([0.9, 0.2, 0.7]))
    against, iou = worst_of_frames(own, np.array([1.0, 3.0, 2.0]))
    assert (against.tolist(), iou.tolist()) == ([3.0, 2.0], [0.2, 0.7])


def test_what_the_list_names() -> None:
    iou = np.linspace(0.01, 1, 100)
    assert named(-iou, iou) == 1
    assert named(iou, iou) == 0
    against = -iou.copy()
    against[:4] = -2  # four of the ten worst look best
    assert named(against, iou) == pytest.approx(0.6)


def test_frames_that_are_as_bad_as_each_other_count_as_such() -> None:
    """Thirty frames are all wrong: the list has room for twenty, and which of the thirty are in it says nothing."""
    iou, against = np.ones(100), np.zeros(100)
    iou[:30] = 0
    against[10:30] = 1
    assert named(against, iou) == pytest.approx(2 / 3)


def test_no_sequence_is_judged_by_what_was_fitted_to_it() -> None:
    others = {f"{seed}": made(seed) for seed in range(3)}
    odd = made(9)
    odd = Judgements("odd", odd.frames, odd.signs, 1 - odd.iou)
    found = leave_one_out({**others, "odd": odd}, np.zeros(3))
    assert named(*found["0"]) > 0.7
    assert named(*found["odd"]) < 0.1
