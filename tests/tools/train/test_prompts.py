"""Prompts that are drawn for training fit the masks that they are drawn from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from training.prompts import NOWHERE, Prompts, click, innermost, loose_boxes

from vos.sam.nano.inputs import prompt_maps


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def masks() -> torch.Tensor:
    """A rectangle, nothing, and two squares of different size."""
    regions = torch.zeros(3, 32, 48, dtype=torch.bool)
    regions[0, 10:20, 8:30] = True
    regions[2, 2:6, 2:6] = True
    regions[2, 12:28, 20:36] = True
    return regions


def test_clicks_fall_on_the_object_and_everywhere_on_it(generator: torch.Generator) -> None:
    hit = set()
    for _ in range(300):
        chosen = click(masks(), generator)
        assert bool((chosen[1] == NOWHERE).all())
        for row in (0, 2):
            x, y = chosen[row].tolist()
            assert masks()[row, int(y), int(x)]
            hit.add((row, x < 19 if row == 0 else x < 10))
    assert hit == {(0, True), (0, False), (2, True), (2, False)}


@given(st.integers(0, 10_000))
@example(407)  # a gap of two cells, which must not close
@example(804)
@settings(max_examples=30, deadline=None)
def test_the_innermost_point_is_where_opencv_finds_it(seed: int) -> None:
    noise = torch.rand(1, 1, 5, 5, generator=torch.Generator().manual_seed(seed))
    region = torch.nn.functional.interpolate(noise, size=(40, 40), mode="bilinear")[0] > 0.55
    chosen, depth = innermost(region)
    if not bool(region.any()):
        assert bool((chosen == NOWHERE).all())
        assert float(depth) == 0
        return
    distance = cv2.distanceTransform(np.pad(region[0].numpy().astype(np.uint8), 1), cv2.DIST_C, 3)[1:-1, 1:-1]
    x, y = chosen[0].tolist()
    near = distance[max(0, int(y) - 1) : int(y) + 2, max(0, int(x) - 1) : int(x) + 2]
    assert near.max() >= distance.max() - 3, "pairs of cells, so not to the cell"


def test_boxes_are_tight_without_slack_and_near_with_it(generator: torch.Generator) -> None:
    assert loose_boxes(masks(), generator, slack=0.0).tolist() == [[8, 10, 30, 20], [0, 0, 0, 0], [2, 2, 36, 28]]
    for _ in range(20):
        box = loose_boxes(masks(), generator, slack=0.1)[0]
        assert bool((box - torch.tensor([8.0, 10, 30, 20])).abs().le(torch.tensor([2.2, 1, 2.2, 1])).all())


def test_what_is_drawn_is_what_the_model_draws(generator: torch.Generator) -> None:
    earlier = torch.rand(3, 32, 48, generator=generator)
    prompts = Prompts.of(earlier, torch.tensor([True, False, True]))
    prompts.positive = click(masks(), generator)[:, None]
    prompts.box = loose_boxes(masks(), generator)
    prompts.others = torch.rand(3, 32, 48, generator=generator)
    drawn = prompts.draw()
    for row in range(3):
        known = bool(masks()[row].any())
        expected = prompt_maps(
            (16, 24),
            prompts.positive[row] / 2 if known else None,
            None,
            prompts.box[row] / 2 if known else None,
            earlier[row] if row != 1 else None,
            prompts.others[row],
        )
        torch.testing.assert_close(drawn[row], expected)
