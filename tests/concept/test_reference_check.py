"""References with one fault each: the check names it, and only it."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import ColourModel, scene

from vos.concept.concept import Concept
from vos.concept.reference_check import Issue, ReferenceCheck, best_reference, border_share, raggedness

SIZE = (192, 256)


def kinds(image: np.ndarray, mask: np.ndarray) -> set[str]:
    concept = Concept.from_image(image, mask, model=ColourModel())
    found = {issue.kind for issue in concept.views[0].check.issues}
    return found if mask.sum() < 1000 else found - {"small"}  # everything is small to a model of 8 by 6 cells


def disc(cx: int = 128, cy: int = 96, radius: int = 50) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return (x - cx) ** 2 + (y - cy) ** 2 <= radius**2


def painted(mask: np.ndarray) -> np.ndarray:
    image = np.full((*SIZE, 3), (96, 100, 92), np.uint8)
    image[mask] = (220, 30, 30)
    return image


def test_good_reference_has_no_findings() -> None:
    assert kinds(painted(disc()), disc()) == set()


def test_small_mask() -> None:
    mask = disc(radius=14)
    assert "small" in kinds(painted(mask), mask)


def test_mask_cut_off_by_the_border() -> None:
    mask = disc(cx=0)
    assert kinds(painted(mask), mask) == {"cut_off"}


@pytest.mark.parametrize("seed", [0, 1])
def test_ragged_mask(seed: int) -> None:
    mask = disc()
    holes = np.random.default_rng(seed).random(SIZE) < 0.2
    assert kinds(painted(mask), mask & ~holes) == {"ragged"}


def test_look_alike_elsewhere() -> None:
    mask = disc(cx=60, radius=36)
    assert kinds(painted(mask | disc(cx=190, radius=36)), mask) == {"ambiguous"}


def test_every_finding_tells_what_to_do() -> None:
    mask = disc(cx=0, radius=10)
    concept = Concept.from_image(painted(mask | disc()), mask, model=ColourModel())
    for issue in concept.views[0].check.issues:
        assert ";" in issue.message
        assert "\n" not in issue.message


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2000), (700, 900)])
def test_measures_are_shares_for_any_shape(shape: tuple[int, int]) -> None:
    masks = [np.ones(shape, bool), np.zeros(shape, bool), np.random.default_rng(0).random(shape) < 0.5]
    masks[1][0, 0] = True
    for mask in masks:
        if mask.any():
            assert 0 <= border_share(mask) <= 1
            assert raggedness(mask) >= 0


def test_best_reference_has_fewest_findings_then_quality() -> None:
    fault = (Issue("small", "x; y"),)
    checks = [ReferenceCheck(fault, 0.9), ReferenceCheck((), 0.4), ReferenceCheck((), 0.6), ReferenceCheck((), 0.6)]
    assert best_reference(checks) == 2


def test_concept_prefers_the_better_photo() -> None:
    poor, good = disc(cx=0, radius=20), disc()
    concept = Concept.from_images([painted(poor), painted(good)], [poor, good], model=ColourModel())
    assert concept.best_view == 1
    image, labels = scene({1: (10, 10, 50, 50)})
    assert Concept.from_image(image, labels, model=ColourModel()).best_view == 0
