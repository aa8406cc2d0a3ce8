"""The matting Laplacian: what is a linear function of the colours stays, and blur is found."""

from __future__ import annotations

import cv2
import numpy as np

from vos.matting.laplacian import laplacian_matte


def test_a_linear_function_of_the_colours_is_kept() -> None:
    rgb = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8), (0, 0), 2)
    first = (rgb @ np.array([0.5, 0.2, 0.3]) / 255).astype(np.float32)
    found = laplacian_matte(first, rgb, np.ones((40, 60), bool), 2)
    np.testing.assert_allclose(found, first, atol=0.06)


def test_blur_between_two_colours_is_found_in_the_band_alone() -> None:
    step = np.zeros((60, 80), np.float32)
    step[:, 40:] = 1
    truth = cv2.GaussianBlur(step, (0, 0), 4)
    rgb = (truth[..., None] * (200, 60, 30) + (1 - truth[..., None]) * (20, 90, 160)).astype(np.uint8)
    near = np.zeros((60, 80), bool)
    near[:, 28:52] = True
    found = laplacian_matte(step, rgb, near, 2)
    assert np.abs(found - truth).sum() < 0.5 * np.abs(step - truth).sum()
    np.testing.assert_allclose(found[~near], step[~near], atol=0.02)
    assert 0 <= found.min() <= found.max() <= 1
