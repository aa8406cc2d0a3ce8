"""Synthetic views: their masks lie on their objects, they differ, and an object that is gone leaves nothing behind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.adaptation.views import View, synthetic_views

RED, BLUE = (230, 20, 20), (20, 20, 230)


def reference(size: tuple[int, int] = (96, 128)) -> View:
    """A red and a blue block before grey noise."""
    rgb = np.random.default_rng(0).integers(90, 120, (*size, 1), dtype=np.uint8).repeat(3, axis=2)
    labels = np.zeros(size, np.uint8)
    for object_id, colour, x in ((2, RED, 20), (5, BLUE, 80)):
        rgb[30:60, x : x + 30] = colour
        labels[30:60, x : x + 30] = object_id
    return View(rgb, labels)


def redness(rgb: np.ndarray) -> np.ndarray:
    """How much more red than blue each pixel is, which no light of a shot changes the sign of by much."""
    return rgb[..., 0].astype(int) - rgb[..., 2]


def test_masks_lie_on_their_objects() -> None:
    for view in synthetic_views(reference(), [2, 5], 20, seed=1):
        assert set(np.unique(view.labels)) <= {0, 2, 5}
        tint = redness(view.rgb)
        for object_id, sign in ((2, 1), (5, -1)):
            own = view.labels == object_id
            assert not own.any() or (sign * tint[own] > 25).mean() > 0.95
        assert (np.abs(tint[view.labels == 0]) < 40).mean() > 0.95


def test_objects_move_scale_and_vanish_now_and_then() -> None:
    views = list(synthetic_views(reference(), [2], 60, seed=2))
    areas = [int((view.labels == 2).sum()) for view in views]
    assert 0 < areas.count(0) < 20
    seen = [area for area in areas if area]
    assert max(seen) > 3 * min(seen)
    centres = {
        tuple(np.argwhere(view.labels == 2).mean(axis=0).round(-1)) for view in views if (view.labels == 2).any()
    }
    assert len(centres) > 8


def test_an_object_that_is_gone_leaves_nothing_behind() -> None:
    gone = [view for view in synthetic_views(reference(), [2], 60, seed=2) if not (view.labels == 2).any()]
    assert gone
    assert all((redness(view.rgb) > 40).mean() < 0.01 for view in gone)


def test_same_seed_same_views() -> None:
    first, again, other = (list(synthetic_views(reference(), [2, 5], 3, seed=seed)) for seed in (4, 4, 5))
    assert all(np.array_equal(a.rgb, b.rgb) and np.array_equal(a.labels, b.labels) for a, b in zip(first, again))
    assert not all(np.array_equal(a.labels, b.labels) for a, b in zip(first, other))


@pytest.mark.parametrize("whole", [False, True])
@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 9))
def test_any_size_and_a_mask_of_everything(whole: bool, height: int, width: int, seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    labels = np.full((height, width), int(whole), np.uint8)
    labels[height // 2, width // 2] = 1
    for view in synthetic_views(View(rgb, labels), [1], 3, seed):
        assert view.rgb.shape == rgb.shape
        assert view.labels.shape == labels.shape
        assert view.rgb.dtype == view.labels.dtype == np.uint8
