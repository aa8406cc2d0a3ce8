"""The temporal prior: prediction, widening, letting go, moving a mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vos.errors import VosError
from vos.geometry import Geometry
from vos.tracking.config import MotionConfig
from vos.tracking.motion import Motion, shift_logits
from vos.tracking.observation import ABSENT_LOGIT

GEOMETRY = Geometry((64, 96), (64, 96), (64, 96))


def box(x: float, y: float, width: float = 20, height: float = 10) -> np.ndarray:
    return np.array([x, y, x + width, y + height], dtype=np.float32)


def test_constant_velocity_is_learnt() -> None:
    motion = Motion(MotionConfig(velocity_momentum=0.5))
    for t in range(12):
        motion.update(box(10 + 4 * t, 30 - 2 * t), sure=True)
    predicted = motion.predict(margin=0)
    assert predicted is not None
    centre = (predicted[:2] + predicted[2:]) / 2
    np.testing.assert_allclose(centre, [10 + 4 * 12 + 10, 30 - 2 * 12 + 5], atol=0.05)


def test_box_widens_while_unsure_and_is_dropped() -> None:
    motion = Motion(MotionConfig(max_age=3))
    motion.update(box(10, 10), sure=True)
    widths = []
    for _ in range(3):
        predicted = motion.predict(margin=0.1)
        assert predicted is not None
        widths.append(predicted[2] - predicted[0])
        motion.update(box(10, 10), sure=False)
    np.testing.assert_allclose(widths, [24, 28, 32], rtol=1e-5)
    motion.update(box(10, 10), sure=False)
    assert motion.predict(margin=0.1) is None


def growth(motion: Motion, last: np.ndarray, side: float = 400) -> np.ndarray:
    """What the gate adds on the left, above, on the right and below to where the box is expected."""
    gate = motion.gate(side)
    assert gate is not None
    expected = last + np.tile(motion.velocity, 2)
    return (gate - expected) * [-1, -1, 1, 1]


def test_a_large_object_does_not_move_by_its_own_size() -> None:
    motion = Motion(MotionConfig(gate=1, gate_most=0.15))
    motion.update(box(10, 10, 20, 10), sure=True)
    np.testing.assert_allclose(motion.gate(100), [-5, 0, 45, 30], atol=1e-4)
    motion.update(box(10, 10, 20, 10), sure=False)
    np.testing.assert_allclose(motion.gate(100), [-20, -10, 60, 40], atol=1e-4)


def test_what_moves_as_expected_is_looked_for_near_by_until_it_jumps() -> None:
    motion, size = Motion(MotionConfig(gate=1, gate_most=1, gate_calm=0.4)), np.tile([100, 50], 2)
    for t in range(30):
        last = box(100 - 2 * t, 30, 100, 50)
        motion.update(last, sure=True)
        if t == 0:
            np.testing.assert_allclose(growth(motion, last), size)
    np.testing.assert_allclose(growth(motion, last), 0.4 * size + [1, 0, 1, 0], atol=0.1)  # and half of a step
    jumped = box(20, 60, 100, 50)
    motion.update(jumped, sure=True)
    assert (growth(motion, jumped) >= size).all()


def test_a_tiny_object_may_move_with_a_shaking_camera_but_no_farther_than_its_gate() -> None:
    for side, most in ((400, 12), (1000, 20)):
        motion = Motion(MotionConfig(gate=1, gate_most=1, gate_calm=0.1))
        for _ in range(40):
            motion.update(box(50, 50, 20, 20), sure=True)
        np.testing.assert_allclose(growth(motion, box(50, 50, 20, 20), side), most, atol=0.1)


def test_a_gate_that_is_none_is_refused() -> None:
    with pytest.raises(VosError, match="gate_most=0"):
        MotionConfig(gate_most=0)
    with pytest.raises(VosError, match="gate_calm=-1"):
        MotionConfig(gate_calm=-1)


def test_a_sure_sight_narrows_again() -> None:
    motion = Motion(MotionConfig())
    motion.update(box(10, 10), sure=True)
    motion.update(box(10, 10), sure=False)
    motion.update(box(10, 10), sure=True)
    predicted = motion.predict(margin=0)
    assert predicted is not None
    np.testing.assert_allclose(predicted, box(10, 10), atol=1e-4)


def test_a_gate_of_zero_lets_an_object_be_anywhere() -> None:
    motion = Motion(MotionConfig(gate=0))
    motion.update(box(0, 0), sure=True)
    assert motion.gate(100) is None


def test_shifted_logits_move_by_whole_cells_exactly_and_bring_in_background() -> None:
    logits = torch.full(GEOMETRY.logit_size, -5.0)
    logits[4:8, 6:10] = 5
    moved = shift_logits(logits, np.array([8.0, -4.0], dtype=np.float32), GEOMETRY)  # two cells right, one up
    torch.testing.assert_close(moved[3:7, 8:12], torch.full((4, 4), 5.0))
    assert int((moved > 0).sum()) == 16
    assert (moved[-1] < -5).all()
    assert (moved[:, 0] < -5).all()


@given(st.floats(-150, 150), st.floats(-150, 150))
def test_shifted_logits_are_the_same_mask_elsewhere(dx: float, dy: float) -> None:
    """Linear between cells: a plane stays the same plane, moved, wherever it does not come in from outside."""
    rows, columns = torch.meshgrid(*(torch.arange(float(side)) for side in GEOMETRY.logit_size), indexing="ij")
    stride = GEOMETRY.logit_stride
    moved = shift_logits(3 * columns - 2 * rows, np.array([dx, dy], dtype=np.float32), GEOMETRY)
    x, y = columns - dx / stride, rows - dy / stride
    inside = (x >= 0) & (y >= 0) & (x <= columns.max()) & (y <= rows.max())
    if max(abs(dx), abs(dy)) >= 1:
        torch.testing.assert_close(moved[inside], (3 * x - 2 * y)[inside], rtol=1e-3, atol=1e-2)
    outside = (x <= -1) | (y <= -1) | (x >= columns.max() + 1) | (y >= rows.max() + 1)
    assert (moved[outside] == ABSENT_LOGIT).all()


def test_state_round_trip() -> None:
    for updates in (0, 3):
        motion, other = Motion(MotionConfig()), Motion(MotionConfig())
        for t in range(updates):
            motion.update(box(3.5 * t, 7), sure=t < 2)
        other.restore(motion.state())
        assert other.unsure == motion.unsure
        np.testing.assert_array_equal(other.velocity, motion.velocity)
        for a, b in ((motion.predict(0.1), other.predict(0.1)), (motion.gate(100), other.gate(100))):
            assert (a is None and b is None) or np.array_equal(a, b)  # type: ignore[arg-type]
