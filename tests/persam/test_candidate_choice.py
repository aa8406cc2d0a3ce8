"""Of several candidates the one is chosen that the click is in the middle of, or that fills the box."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vos.geometry import Geometry
from vos.persam.candidate_choice import CENTRAL, choose_candidate, depth_of_click, fit_to_box
from vos.sam.prompting import MaskCandidates, Prompt

GEOMETRY = Geometry((96, 128), (96, 128), (96, 128), logit_stride=2)


def logits(top: int, left: int, bottom: int, right: int) -> torch.Tensor:
    """A rectangle in original pixels, low-res."""
    made = torch.full(GEOMETRY.logit_size, -6.0)
    made[top // 2 : bottom // 2, left // 2 : right // 2] = 6
    return made


def found(*masks: torch.Tensor, ious: tuple[float, ...]) -> MaskCandidates:
    return MaskCandidates(torch.stack(masks)[None], torch.tensor([ious]))


def clicked(*points: tuple[int, int]) -> Prompt:
    return Prompt(np.array(points, np.float32), np.ones(len(points), np.int64))


SMALL, LARGE = logits(20, 20, 50, 60), logits(20, 20, 90, 120)


def test_depth_is_one_in_the_middle_and_none_outside() -> None:
    assert depth_of_click(SMALL, GEOMETRY, clicked((40, 35))) == pytest.approx(1, abs=0.1)
    assert 0 < depth_of_click(LARGE, GEOMETRY, clicked((30, 35))) < 0.5
    assert depth_of_click(SMALL, GEOMETRY, clicked((100, 80))) == 0
    assert depth_of_click(torch.full(GEOMETRY.logit_size, -6.0), GEOMETRY, clicked((40, 35))) == 0


def test_a_click_in_the_middle_outweighs_a_little_predicted_iou() -> None:
    central = clicked((40, 35))
    assert choose_candidate(found(LARGE, SMALL, ious=(0.8, 0.75)), GEOMETRY, central) == 1
    assert choose_candidate(found(LARGE, SMALL, ious=(0.8, 0.79 - CENTRAL)), GEOMETRY, central) == 0
    several = clicked((40, 35), (100, 80))
    assert choose_candidate(found(LARGE, SMALL, ious=(0.8, 0.75)), GEOMETRY, several) == 0, "further clicks correct"


def test_what_fills_the_box_is_meant() -> None:
    box = np.array([20, 20, 60, 50], np.float32)
    assert fit_to_box(SMALL, GEOMETRY, box) == pytest.approx(1)
    assert fit_to_box(LARGE, GEOMETRY, box) == pytest.approx(1200 / 7000)
    assert fit_to_box(torch.full(GEOMETRY.logit_size, -6.0), GEOMETRY, box) == 0
    assert fit_to_box(logits(60, 70, 90, 120), GEOMETRY, box) == 0
    assert choose_candidate(found(LARGE, SMALL, ious=(0.9, 0.5)), GEOMETRY, Prompt.empty(box)) == 1
