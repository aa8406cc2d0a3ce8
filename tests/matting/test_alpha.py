"""Soft masks: soft where the frame is, hard where it is not, and nothing far from the outline."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.io.config import QUALITIES, MatteConfig
from vos.matting.alpha import soft_masks

SIZE = (160, 200)


def test_the_qualities_are_those_of_the_option() -> None:
    assert MatteConfig().quality == QUALITIES[0]


def disc(blur: float = 0.0) -> npt.NDArray[np.float32]:
    """A disc's exact alpha."""
    values = (np.hypot(*(np.mgrid[: SIZE[0], : SIZE[1]] - np.array([80, 100])[:, None, None])) < 45).astype(np.float32)
    return cv2.GaussianBlur(values, (0, 0), blur or 0.6)


def shown(alpha: npt.NDArray[np.float32], seed: int = 0) -> npt.NDArray[np.uint8]:
    """The disc in orange before a blue ground with some texture."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 60, (*SIZE, 3)), (0, 0), 2)
    front, back = np.array([215, 130, 50]) + noise[::-1], np.array([40, 70, 140]) + noise
    return np.clip(alpha[..., None] * front + (1 - alpha[..., None]) * back, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", QUALITIES)
def test_blurred_edges_become_soft(quality: str) -> None:
    truth = disc(6.0)
    mask = (truth > 0.5).astype(np.uint8)
    alpha = soft_masks(mask, (1,), shown(truth), quality)[0] / 255
    assert np.abs(alpha - truth).sum() < 0.9 * np.abs(mask - truth).sum()


@pytest.mark.parametrize("quality", QUALITIES)
def test_hard_edges_stay_hard(quality: str) -> None:
    truth = disc()
    exact = (truth > 0.5).astype(np.uint8)
    alpha = soft_masks(exact, (1,), shown(truth), quality)[0] / 255
    assert ((alpha > 0.1) & (alpha < 0.9)).sum() < 4 * 2 * np.pi * 45
    grown = cv2.dilate(exact, np.ones((5, 5), np.uint8))
    repaired = soft_masks(grown, (1,), shown(truth), quality)[0] / 255
    assert np.abs(repaired - truth).sum() < 0.8 * np.abs(grown - truth).sum()


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 4), st.integers(0, 1000), st.sampled_from(QUALITIES))
def test_any_size_and_any_number_of_objects(height: int, width: int, count: int, seed: int, quality: str) -> None:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    labels = cv2.resize(rng.integers(0, count + 1, (4, 4), dtype=np.uint8), (width, height), interpolation=0)
    before = rgb.tobytes(), labels.tobytes()
    alpha = soft_masks(labels, tuple(range(1, count + 2)), rgb, quality)
    assert alpha.shape == (count + 1, height, width)
    assert alpha.dtype == np.uint8
    assert not alpha[count].any()  # it has no pixels
    assert alpha.sum(0, dtype=int).max(initial=0) <= 255 + count
    assert alpha.tobytes() == soft_masks(labels, tuple(range(1, count + 2)), rgb, quality).tobytes()
    assert (rgb.tobytes(), labels.tobytes()) == before


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("side", [1, 0])
def test_a_part_that_the_frame_contradicts_is_as_the_mask_has_it(side: int, quality: str) -> None:
    truth = disc()
    mask = (truth > 0.5).astype(np.uint8)
    slab = np.zeros_like(mask)
    slab[60:100, 137:155] = slab[60:100, 45:63] = 1  # across the disc's outline on both sides, 8 to 10 pixels each way
    mask[slab > 0] = side
    front, back = np.array([215, 130, 50]), np.array([40, 70, 140])
    picture = (truth[..., None] * front + (1 - truth[..., None]) * back).astype(np.uint8)
    alpha = soft_masks(mask, (1,), picture, quality)[0].astype(int)
    assert ((alpha >= 128) == (mask > 0)).all()
    soft = (alpha > 0) & (alpha < 255)
    assert (soft & (np.abs(2 * alpha - 255) < 6)).sum() < 0.1 * soft.sum()
    inside = cv2.erode(slab, np.ones((5, 5), np.uint8)) > 0
    assert np.abs(alpha[inside] - 255 * side).mean() < 20


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.floats(0, 8))
def test_cut_at_a_half_it_is_the_hard_mask(seed: int, blur: float) -> None:
    mask = (cv2.GaussianBlur(np.random.default_rng(seed).normal(size=SIZE), (0, 0), 5) > 0).astype(np.uint8)
    alpha = soft_masks(mask, (1,), shown(disc(blur), seed))[0]
    assert ((alpha >= 128) == (mask > 0)).all()


def test_far_from_the_outline_the_mask_is_hard() -> None:
    labels = np.zeros((300, 400), np.uint8)
    labels[100:200, 100:250] = 1
    rgb = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    alpha = soft_masks(labels, (1,), rgb)[0]
    assert not alpha[:75].any()
    assert not alpha[:, 275:].any()
    assert (alpha[125:175, 125:225] == 255).all()


def test_objects_that_touch_leave_no_gap_between_them() -> None:
    truth = disc()
    labels = (truth > 0.5).astype(np.uint8)
    labels[:, 100:] *= 2
    together = soft_masks((labels > 0).astype(np.uint8), (1,), shown(truth))[0]
    alpha = soft_masks(labels, (1, 2), shown(truth))
    assert np.abs(alpha.sum(0, dtype=int) - together).max() <= 1
    assert (alpha[0][:, :97] >= alpha[1][:, :97]).all()
    assert not alpha[0][:, 110:].any()


def test_what_lies_elsewhere_in_the_frame_does_not_count() -> None:
    truth = disc(3.0)
    mask, rgb = (truth > 0.5).astype(np.uint8), shown(truth)
    room = 40
    wide = [np.pad(one, ((room, room), (room, room), (0, 0))[: one.ndim], mode="edge") for one in (mask, rgb)]
    wide[1][:8] = 255
    whole = soft_masks(wide[0], (1,), wide[1])[0]
    wide[1][:8] = 0
    assert (soft_masks(wide[0], (1,), wide[1])[0] == whole).all()


def test_a_large_frame_is_as_soft() -> None:
    truth = cv2.resize(disc(3.0), None, fx=4, fy=4)
    rgb = cv2.resize(shown(disc(3.0)), None, fx=4, fy=4)
    mask = (truth > 0.5).astype(np.uint8)
    alpha = soft_masks(mask, (1,), rgb)[0] / 255
    assert np.abs(alpha - truth).sum() < 0.9 * np.abs(mask - truth).sum()


def test_specks_that_hang_together_with_nothing_are_left_out() -> None:
    truth = disc()
    picture = shown(truth)
    picture[80, 150] = picture[80, 100]  # beside the disc, of its colour
    alpha = soft_masks((truth > 0.5).astype(np.uint8), (1,), picture)[0]
    assert not alpha[78:83, 149:152].any()
