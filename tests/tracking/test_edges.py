"""Outlines move onto the frame's edges, and nothing else changes."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vos.tracking.edges
from vos.errors import VosError
from vos.geometry import Geometry
from vos.tracking.config import EdgesConfig
from vos.tracking.edges import refine_edges

SIZE = (120, 160)
RED, GREEN = (200, 40, 40), (40, 120, 40)
SAME_BRIGHTNESS = 88  # of both, in OpenCV's grey


def geometry(size: tuple[int, int] = SIZE) -> Geometry:
    """Low-res logits of four pixels a cell."""
    height, width = size
    return Geometry(size, size, (-(-height // 16) * 16, -(-width // 16) * 16))


def two_halves(edge: int = 80) -> npt.NDArray[np.uint8]:
    """Red to the left of the edge, green of about the same brightness to the right."""
    image = np.empty((*SIZE, 3), np.uint8)
    image[:, :edge], image[:, edge:] = RED, GREEN
    return image


def left_of(edge: float) -> npt.NDArray[np.float32]:
    """Logits of everything to the left of a vertical line."""
    return np.broadcast_to(edge - 0.5 - np.arange(SIZE[1], dtype=np.float32), SIZE).copy()


@pytest.mark.parametrize("shift", [-5, -2, 2, 5])
def test_a_shifted_outline_moves_onto_the_edge_of_the_colours(shift: int) -> None:
    refined = refine_edges(left_of(80 + shift), two_halves(), geometry(), EdgesConfig())
    assert ((refined > 0) == (np.arange(SIZE[1]) < 80)).all()


def test_an_edge_of_colours_alone_needs_the_colours() -> None:
    image = two_halves()
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(grey - SAME_BRIGHTNESS).max() <= 1
    truth = np.arange(SIZE[1]) < 80
    wrong = [
        int(((refine_edges(left_of(85), image, geometry(), EdgesConfig(colour=colour)) > 0) != truth).sum())
        for colour in (True, False)
    ]
    assert wrong[0] == 0
    assert wrong[1] > 2 * SIZE[0]


def test_an_outline_in_a_flat_frame_stays() -> None:
    flat = np.full((*SIZE, 3), 90, np.uint8)
    assert ((refine_edges(left_of(71), flat, geometry(), EdgesConfig()) > 0) == (left_of(71) > 0)).all()

    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = (35 - np.hypot(rows - 60, columns - 80)).astype(np.float32)
    changed = (refine_edges(disc, flat, geometry(), EdgesConfig(radius=2)) > 0) != (disc > 0)
    assert np.abs(disc[changed]).max(initial=0) < 2  # smoothing makes a disc a little smaller


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 70), st.integers(1, 70), st.floats(0.1, 30), st.booleans(), st.integers(0, 1000))
def test_refining_any_size_keeps_arguments_and_what_is_far(
    height: int, width: int, radius: float, colour: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    logits = cv2.GaussianBlur(random.normal(size=(height, width)).astype(np.float32), (0, 0), 4)
    image.setflags(write=False)
    logits.setflags(write=False)
    refined = refine_edges(logits, image, geometry((height, width)), EdgesConfig(radius=radius, colour=colour))
    assert refined.shape == logits.shape
    assert refined.dtype == np.float32
    assert np.isfinite(refined).all()
    pixels = max(1, round(4 * radius))
    mask = (logits > 0).astype(np.uint8)
    window = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    far = cv2.dilate(mask, window) == cv2.erode(mask, window)
    np.testing.assert_array_equal(refined[far], logits[far])


@pytest.mark.parametrize("value", [-3.0, 3.0])
def test_without_an_outline_nothing_changes(value: float) -> None:
    logits = np.full(SIZE, value, np.float32)
    np.testing.assert_array_equal(refine_edges(logits, two_halves(), geometry(), EdgesConfig()), logits)


def test_parts_and_gaps_narrower_than_a_window_stay() -> None:
    logits = np.full(SIZE, -4, np.float32)
    logits[20:100, 30:130] = 4
    logits[50:54, 130:] = 4  # a spoke
    logits[60:64, :] = -4  # a gap
    image = np.random.default_rng(2).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    refined = refine_edges(logits, image, geometry(), EdgesConfig())
    np.testing.assert_array_equal(refined[50:54, 130:], 4)
    np.testing.assert_array_equal(refined[60:64, 30:130], -4)
    assert (refined != logits).any()


def test_tiles_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (*SIZE, 3), dtype=np.uint8), (0, 0), 3)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    disc = (40 - np.hypot(rows - 60, columns - 80)).astype(np.float32)
    whole = refine_edges(disc, image, geometry(), EdgesConfig(radius=1.5))
    monkeypatch.setattr(vos.tracking.edges, "TILE", 23)
    monkeypatch.setattr(vos.tracking.edges, "TILE_RADII", 1)
    tiled = refine_edges(disc, image, geometry(), EdgesConfig(radius=1.5))
    assert (whole != disc).any()
    np.testing.assert_allclose(tiled, whole, atol=1e-2)


@pytest.mark.parametrize(
    ("option", "value"), [("radius", 0), ("radius", float("inf")), ("epsilon", 0), ("epsilon", float("nan"))]
)
def test_options_that_make_no_sense_are_named(option: str, value: float) -> None:
    with pytest.raises(VosError, match=rf"tracker\.edges\.{option}={value}"):
        EdgesConfig(**{option: value})
