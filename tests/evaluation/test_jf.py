from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vos.evaluation.jf import boundary, boundary_measure, frame_measures, region_similarity, statistics

SIZES = st.tuples(st.integers(1, 24), st.integers(1, 24))
MASKS = SIZES.flatmap(lambda size: hnp.arrays(np.bool_, size))
PAIRS = SIZES.flatmap(lambda size: st.tuples(hnp.arrays(np.bool_, size), hnp.arrays(np.bool_, size)))


def naive_boundary(mask: np.ndarray) -> np.ndarray:
    """Pixel by pixel, from the definition."""
    height, width = mask.shape
    marked = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            marked[y, x] = any(mask[y, x] != mask[j, i] for j, i in neighbours if j < height and i < width)
    return marked


def naive_measure(gt: np.ndarray, pred: np.ndarray, radius: int) -> float:
    """From the distances of all pairs of boundary pixels, without crops or dilation."""
    points = [np.argwhere(naive_boundary(mask)) for mask in (gt, pred)]
    if not len(points[0]) or not len(points[1]):
        return float(len(points[0]) == len(points[1]))
    near = ((points[0][:, None] - points[1]) ** 2).sum(axis=2) <= radius**2
    recall, precision = near.any(axis=1).mean(), near.any(axis=0).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@given(MASKS)
def test_boundary_is_its_definition(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(boundary(mask), naive_boundary(mask))


def test_boundary_of_a_square() -> None:
    mask = np.zeros((6, 6), bool)
    mask[2:4, 2:4] = True
    drawn = ["".join(".#"[value] for value in row) for row in boundary(mask).astype(int)]
    assert drawn == ["......", ".###..", ".#.#..", ".###..", "......", "......"]


@given(PAIRS, st.integers(1, 5))
@settings(max_examples=200)
def test_cropped_measure_is_the_naive_one(pair: tuple[np.ndarray, np.ndarray], radius: int) -> None:
    assert boundary_measure(*pair, bound_th=radius) == pytest.approx(naive_measure(*pair, radius), abs=1e-12)


@pytest.mark.parametrize("size", [(480, 854), (240, 432), (1080, 1920)])
def test_tolerance_is_a_share_of_the_diagonal_rounded_up(size: tuple[int, int]) -> None:
    radius = math.ceil(0.008 * math.hypot(*size))
    gt, near, far = np.zeros((3, *size), bool)
    gt[100, 100] = near[100, 100 + radius] = far[100, 102 + radius] = True
    # A single pixel has a boundary of 2x2 pixels; at `radius` all of them match, two columns on, half of a side.
    assert boundary_measure(gt, near) == 1
    assert boundary_measure(gt, far) < 1


@given(PAIRS)
def test_measures_lie_in_0_1_and_do_not_care_which_mask_is_the_annotation(pair: tuple[np.ndarray, np.ndarray]) -> None:
    for measure in (region_similarity, boundary_measure):
        value = measure(*pair)
        assert 0 <= value <= 1
        assert value == measure(*pair[::-1])


@given(MASKS)
@example(np.zeros((5, 7), bool))
@example(np.ones((5, 7), bool))
def test_a_mask_equals_itself(mask: np.ndarray) -> None:
    assert region_similarity(mask, mask) == boundary_measure(mask, mask) == 1


def test_j_counts_pixels() -> None:
    gt, pred = np.zeros((2, 10, 10), bool)
    gt[:, :4], pred[:, 2:8] = True, True
    assert region_similarity(gt, pred) == 20 / 80


def test_one_empty_mask_scores_nothing() -> None:
    empty, full = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    full[5:9, 5:9] = True
    for pair in ((empty, full), (full, empty)):
        assert region_similarity(*pair) == boundary_measure(*pair) == 0


@given(SIZES.flatmap(lambda size: hnp.arrays(np.uint8, (2, *size), elements=st.integers(0, 3))))
def test_label_maps_are_scored_object_by_object(pair: np.ndarray) -> None:
    measures = frame_measures(pair[0], pair[1], 3)
    for k in (1, 2, 3):
        masks = pair[0] == k, pair[1] == k
        assert tuple(measures[k - 1]) == (region_similarity(*masks), boundary_measure(*masks))


@pytest.mark.parametrize("measure", [region_similarity, boundary_measure])
def test_masks_must_fit(measure: Any) -> None:
    with pytest.raises(ValueError, match=r"\(3, 4\).*\(4, 3\)"):
        measure(np.zeros((3, 4), bool), np.zeros((4, 3), bool))
    with pytest.raises(ValueError, match="uint8"):
        measure(np.zeros((3, 4), np.uint8), np.zeros((3, 4), bool))


def test_decay_equals_the_official_one_on_short_and_long_sequences(official: dict[str, dict[str, Any]]) -> None:
    for length, decay in official["decay"].items():
        values = (np.arange(int(length)) ** 2 * 37 + 11) % 101 / 100
        assert statistics(values).decay == pytest.approx(decay, abs=1e-12), length


def test_decay_does_not_wrap_above_256_frames() -> None:
    assert statistics(np.linspace(1, 0, 1000)).decay == pytest.approx(0.75, abs=0.01)


def test_recall_is_strictly_above_one_half() -> None:
    assert statistics(np.array([0.5, 0.5, 0.51, 1.0])).recall == 0.5


def test_statistics_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one"):
        statistics(np.array([]))
