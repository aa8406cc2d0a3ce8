"""The guided filter: its formula, its limits, and enlarging along a frame's edges."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.matting.guided_filter import guided_filter


def test_a_flat_guide_leaves_the_mean_of_the_windows() -> None:
    values = np.random.default_rng(0).random((30, 50), dtype=np.float32)
    box = {"ksize": (7, 7), "borderType": cv2.BORDER_REFLECT}
    smooth = cv2.blur(cv2.blur(values, **box), **box)
    for guide in (np.full((30, 50), 77, np.uint8), np.full((30, 50, 3), 77, np.uint8)):
        np.testing.assert_allclose(guided_filter(guide, values, 3, 1e-3), smooth, atol=1e-4)


def test_a_mask_that_is_a_linear_function_of_the_colours_stays() -> None:
    guide = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    values = (guide @ np.array([0.5, 0.2, 0.3]) / 255).astype(np.float32)
    np.testing.assert_allclose(guided_filter(guide, values, 5, 1e-5), values, atol=2e-3)
    assert np.abs(guided_filter(guide[..., 1], values, 5, 1e-5) - values).max() > 0.1  # one channel cannot


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 50),
    st.sampled_from([1e-5, 1e-3, 1.0]),
    st.sampled_from(["grey", "colour", "grey in colour"]),
    st.integers(0, 1000),
)
def test_any_size_gives_values_between_0_and_1_and_changes_no_argument(
    height: int, width: int, radius: int, epsilon: float, kind: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    guide = random.integers(0, 256, (height, width, 3) if kind == "colour" else (height, width), dtype=np.uint8)
    if kind == "grey in colour":  # three channels of the same values: a system that epsilon alone makes solvable
        guide = np.repeat(guide[..., None], 3, axis=2)
    values = random.integers(0, 2, (height, width)).astype(np.float32)
    before = guide.tobytes(), values.tobytes()
    filtered = guided_filter(guide, values, radius, epsilon)
    assert filtered.shape == (height, width)
    assert filtered.dtype == np.float32
    assert filtered.min() >= 0
    assert filtered.max() <= 1
    assert filtered.tobytes() == guided_filter(guide, values, radius, epsilon).tobytes()
    assert (guide.tobytes(), values.tobytes()) == before


def test_wrong_arguments_are_refused() -> None:
    values = np.zeros((4, 4), np.float32)
    for radius, epsilon in ((0, 1e-3), (3, 0.0)):
        with pytest.raises(ValueError, match="at least"):
            guided_filter(np.zeros((4, 4), np.uint8), values, radius, epsilon)
