"""The background's colour leaves the pixels that an object covers in part."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from vos.matting.foreground import decontaminated


def soft_disc(blur: float = 4.0) -> npt.NDArray[np.uint8]:
    disc = (np.hypot(*(np.mgrid[:120, :160] - np.array([60, 80])[:, None, None])) < 35).astype(np.float32)
    return (cv2.GaussianBlur(disc, (0, 0), blur) * 255 + 0.5).astype(np.uint8)


def mixed(front: npt.NDArray[np.float32], back: npt.NDArray[np.float32], alpha: npt.NDArray[np.uint8]) -> np.ndarray:
    share = alpha[..., None] / 255
    return (share * front + (1 - share) * back + 0.5).astype(np.uint8)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_colours_of_a_soft_edge_are_the_objects(kind: type[np.generic]) -> None:
    front, back = np.full((120, 160, 3), (200, 60, 30), np.float32), np.full((120, 160, 3), (20, 200, 90), np.float32)
    alpha = soft_disc()
    picture = mixed(front, back, alpha).astype(kind) * (257 if kind is np.uint16 else 1)
    before = picture.copy()
    colours = decontaminated(picture, alpha)
    assert colours.dtype == kind
    edge = (alpha > 25) & (alpha < 250)
    scale = 257 if kind is np.uint16 else 1
    error, was = (np.abs(one[edge].astype(float) / scale - front[edge]).mean() for one in (colours, picture))
    assert error < 0.1 * was
    np.testing.assert_array_equal(picture, before)


def test_only_what_is_covered_in_part_or_beside_it_changes() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    alpha = soft_disc(2.0)
    colours = decontaminated(picture, alpha)
    changed = (colours != picture).any(-1)
    assert changed.any()
    assert not changed[alpha == 255].any()
    near = cv2.dilate(alpha, np.ones((7, 7), np.uint8)) > 0
    assert not changed[~near].any()


def test_textures_change_less_than_the_background_shines_through() -> None:
    rng = np.random.default_rng(1)
    noise = cv2.GaussianBlur(rng.uniform(0, 255, (2, 120, 160, 3)).astype(np.float32)[0], (0, 0), 3)
    front = np.clip((noise - 127) * 3 + (180, 90, 60), 0, 255).astype(np.float32)
    back = np.full((120, 160, 3), (10, 30, 120), np.float32)
    alpha = soft_disc()
    picture = mixed(front, back, alpha)
    edge = (alpha > 60) & (alpha < 250)
    error, was = (np.abs(one[edge] - front[edge]).mean() for one in (decontaminated(picture, alpha), picture))
    assert error < 0.5 * was


@pytest.mark.parametrize("value", [0, 100, 255])
def test_without_an_edge_nothing_changes(value: int) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decontaminated(picture, np.full((40, 50), value, np.uint8)), picture)
