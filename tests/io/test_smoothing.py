"""Masks smoothed in time: less flicker, and nothing trails behind motion, cuts and absence."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vos.io.smoothing import Smoother
from vos.structures import Frame

SIZE = (120, 160)
Y, X = np.mgrid[: SIZE[0], : SIZE[1]]


def noise(seed: int, sigma: float) -> np.ndarray:
    """Coloured noise that fills 0..255."""
    rough = np.random.default_rng(seed).normal(size=(SIZE[0], SIZE[1] * 2, 3)).astype(np.float32)
    return np.asarray(cv2.normalize(cv2.GaussianBlur(rough, (0, 0), sigma), None, 0, 255, cv2.NORM_MINMAX))


GROUND, SKIN = noise(1, 3), noise(2, 2)


def shot(t: int, speed: float, error: float = 2.0) -> tuple[Frame, np.ndarray, np.ndarray]:
    """A textured disk that passes a textured ground, its true alpha, and one whose outline flickers."""
    away = np.hypot(Y - 60, X - (40 + speed * t))
    truth = np.clip(25 - away, 0, 1)
    wobble = cv2.GaussianBlur(np.random.default_rng(100 + t).normal(size=SIZE), (0, 0), 3)
    seen = np.clip(25 + error * wobble / wobble.std() - away, 0, 1)
    rgb = GROUND[:, :160] * (1 - truth[..., None]) + np.roll(SKIN, round(speed * t), 1)[:, :160] * truth[..., None]
    return Frame(t, f"{t:05d}", t / 30, rgb.astype(np.uint8)), (truth * 255).round(), (seen * 255).astype(np.uint8)


@pytest.mark.parametrize("speed", [0, 2, 5])
def test_it_flickers_less_and_does_not_trail(speed: float) -> None:
    smoother, errors = Smoother(0.15), []
    for t in range(15):
        frame, truth, seen = shot(t, speed)
        labels, alphas = smoother(frame, (seen > 127).astype(np.uint8), (1,), [seen])
        assert alphas is not None
        smooth = alphas[0]
        if t == 0:
            np.testing.assert_array_equal(smooth, seen)
        if t < 5:
            continue
        assert smooth[cv2.dilate(np.maximum(truth, seen), np.ones((13, 13))) == 0].max() == 0
        wrong = [(mask != (truth > 127)).sum() for mask in (seen > 127, labels == 1)]
        errors.append([np.abs(seen - truth).mean(), np.abs(smooth - truth).mean(), *wrong])
    raw, smoothed, raw_wrong, smoothed_wrong = np.mean(errors, axis=0)
    at_most = 0.85 if speed < 5 else 1.0  # fast motion uncovers more
    assert smoothed < at_most * raw
    assert smoothed_wrong < at_most * raw_wrong


def test_a_cut_and_an_absence_end_what_was() -> None:
    frame, _, seen = shot(0, 0)
    labels = (seen > 127).astype(np.uint8)
    other = Frame(1, "00001", 1 / 30, np.ascontiguousarray(255 - frame.rgb[::-1, ::-1]))
    moved = np.roll(seen, 2, 1)
    smoother = Smoother(1.0)
    smoother(frame, labels, (1,), [seen])
    _, after_cut = smoother(other, (moved > 127).astype(np.uint8), (1,), [moved])
    assert after_cut is not None
    np.testing.assert_array_equal(after_cut[0], moved)
    smoother, nothing = Smoother(1.0), np.zeros(SIZE, np.uint8)
    for t, alpha in enumerate((seen, nothing, moved, seen)):
        again = Frame(t, f"{t:05d}", t / 30, frame.rgb)
        labels, smooth = smoother(again, (alpha > 127).astype(np.uint8), (1,), [alpha])
        assert smooth is not None
        if t < 3:  # gone at once, and back as it is
            np.testing.assert_array_equal(smooth[0], alpha)
            np.testing.assert_array_equal(labels, alpha > 127)
    assert np.abs(smooth[0].astype(int) - seen).max() > 30  # from then on it is smoothed again


def test_it_is_the_same_with_any_number_of_threads_and_without_soft_masks() -> None:
    made, count = [], cv2.getNumThreads()
    try:
        for threads in (1, 2):
            cv2.setNumThreads(threads)
            smoother = Smoother(0.2)
            for t in range(4):
                frame, _, seen = shot(t, 3)
                labels, alphas = smoother(frame, (seen > 127).astype(np.uint8), (1,), [seen] if threads == 1 else None)
            made.append(labels)
    finally:
        cv2.setNumThreads(count)
    np.testing.assert_array_equal(*made)
    assert alphas is None
