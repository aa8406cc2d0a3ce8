"""Shadows of training scenes: they lie on the ground at the object's foot, and nowhere else."""

from __future__ import annotations

import random

import numpy as np
import pytest
from training.shadow import LEAN, LENGTH, Shadow

TOP, FOOT, LEFT, RIGHT = 60, 119, 90, 109


def shaded(seed: int, alpha: np.ndarray) -> np.ndarray:
    ground = np.full((*alpha.shape, 3), 200, np.float32)
    Shadow(random.Random(seed)).cast(ground, alpha)
    return ground


@pytest.mark.parametrize("seed", range(20))
def test_a_shadow_begins_at_the_foot_and_goes_no_farther_than_the_light_says(seed: int) -> None:
    alpha = np.zeros((200, 200), np.uint8)
    alpha[TOP : FOOT + 1, LEFT : RIGHT + 1] = 255
    ground = shaded(seed, alpha)
    dark = ground[..., 0] < 190
    rows, columns = np.nonzero(dark)
    height, soft = FOOT + 1 - TOP, 10
    assert abs(rows - FOOT).min() <= 2
    assert abs(rows - FOOT).max() <= LENGTH[1] * height + soft
    assert columns.min() >= LEFT - LEAN * height - soft
    assert columns.max() <= RIGHT + LEAN * height + soft
    assert ground.min() > 30
    assert ground.max() <= 200


def test_lights_differ_and_a_seed_tells_which() -> None:
    alpha = np.zeros((120, 160), np.uint8)
    alpha[40:80, 60:90] = 255
    assert np.array_equal(shaded(3, alpha), shaded(3, alpha))
    assert not np.array_equal(shaded(3, alpha), shaded(4, alpha))
    both = [(shaded(seed, alpha)[82:, :, 0] < 190).any() for seed in range(20)]
    assert any(both)
    assert not all(both)


def test_nothing_casts_no_shadow() -> None:
    assert (shaded(0, np.zeros((50, 60), np.uint8)) == 200).all()
