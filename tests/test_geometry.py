"""Sizes, masks on the grid, and where pixels come from when low-res logits are enlarged."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.geometry import Geometry, covered_cells, mask_box, mask_iou

SIDES = st.integers(1, 200)


@settings(deadline=None, max_examples=60)
@given(SIDES, SIDES, st.sampled_from([64, 96, 160]), st.sampled_from([2, 4]), st.integers(0, 30), st.integers(0, 1000))
def test_enlarging_where_logits_can_be_positive_is_enlarging_everywhere(
    height: int, width: int, side: int, stride: int, margin: int, seed: int
) -> None:
    scale = side / max(height, width)
    inside = (max(1, round(height * scale)), max(1, round(width * scale)))
    geometry = Geometry((height, width), inside, (-(-inside[0] // 32) * 32, -(-inside[1] // 32) * 32), 16, stride)
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(geometry.logit_size, generator=random) - 4
    rows, columns = (int(torch.randint(size, (1,), generator=random)) for size in geometry.logit_size)
    logits[rows : rows + 5, columns : columns + 5] += 6

    everywhere = geometry.logits_to_original(logits[None, None])[0, 0]
    pixels, area = geometry.logits_to_pixels(logits, margin)
    torch.testing.assert_close(pixels, everywhere[area], rtol=1e-4, atol=1e-4)
    rest = everywhere.clone()
    rest[area] = -1
    assert not (rest > 1e-5).any()


def test_no_positive_logit_no_positive_pixel() -> None:
    geometry = Geometry((50, 70), (91, 128), (96, 128))
    pixels, _ = geometry.logits_to_pixels(torch.full(geometry.logit_size, -1.0))
    assert not (pixels > 0).any()


def test_cells_that_hold_image_round_up() -> None:
    geometry = Geometry((144, 255), (144, 255), (256, 256), grid_stride=16, logit_stride=4)
    assert (geometry.image_grid_size, geometry.image_logit_size) == ((9, 16), (36, 64))
    assert geometry.logits_per_cell == 4


def test_coverage_of_a_low_res_mask_leaves_the_padding_out() -> None:
    geometry = Geometry((24, 64), (24, 64), (64, 64))
    logits = torch.full(geometry.logit_size, 3.0)
    expected = torch.zeros(4, 4)
    expected[0], expected[1] = 1, 0.5
    torch.testing.assert_close(geometry.logits_to_grid(logits), expected)


def test_covered_cells_are_more_than_half_or_the_best() -> None:
    assert covered_cells(torch.tensor([0.5, 0.51, 1.0])).tolist() == [False, True, True]
    assert covered_cells(torch.tensor([0.01, 0.1, 0.09])).tolist() == [False, True, True]
    assert not covered_cells(torch.zeros(3)).any()


def test_iou_and_box_of_masks() -> None:
    mask = torch.zeros(6, 9, dtype=torch.bool)
    assert mask_iou(mask, mask) == 0
    assert mask_box(mask.numpy()) is None
    mask[2, 3] = mask[4, 7] = True
    assert mask_box(mask.numpy()).tolist() == [3, 2, 7, 4]  # type: ignore[union-attr]
    assert mask_box(np.asfortranarray(mask.numpy() * 7)).tolist() == [3, 2, 7, 4]  # type: ignore[union-attr]
    assert mask_iou(mask, torch.ones_like(mask)) == 2 / 54
