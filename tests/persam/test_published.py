"""What the published methods alone use: pixels, boxes and covered cells as the public code takes them."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from vos.geometry import Geometry
from vos.persam.published import PHOTO_MASK_VALUE, VIDEO_MASK_VALUE, full_size_box, published_coverage, top_points

WIDE = Geometry((180, 320), (144, 256), (256, 256))  # padded below, as SAM pads


def test_top_points_are_the_published_pixels() -> None:
    similarity = torch.randn(1, 16, 16, generator=torch.Generator().manual_seed(2))
    x4 = F.interpolate(similarity[None], scale_factor=4, mode="bilinear")
    input_map = F.interpolate(x4, (256, 256), mode="bilinear", align_corners=False)[..., :144, :256]
    pixels = F.interpolate(input_map, (180, 320), mode="bilinear", align_corners=False)[0, 0]
    best = pixels.flatten().topk(3)[1]
    expected = np.stack([best % 320, best // 320], axis=1)
    np.testing.assert_array_equal(top_points(similarity, WIDE, 3)[0], expected)


def test_box_is_taken_on_the_mask_in_original_pixels() -> None:
    logits = torch.full(WIDE.logit_size, -4.0)
    assert full_size_box(logits, WIDE) is None
    logits[10:20, 30:40] = 4.0
    box = full_size_box(logits, WIDE)
    assert box is not None
    np.testing.assert_allclose(box, np.array([30, 10, 40, 20]) * 4 * 1.25, atol=2)


def test_a_darker_palette_needs_more_of_a_cell_and_a_tiny_object_keeps_its_best_cells() -> None:
    mask = np.zeros((180, 320), np.bool_)
    mask[45:100, 75:170] = True
    photo, video = (published_coverage(mask, WIDE, value) for value in (PHOTO_MASK_VALUE, VIDEO_MASK_VALUE))
    assert 0 < photo.sum() <= video.sum()
    tiny = np.zeros((180, 320), np.bool_)
    tiny[3, 3] = True
    assert published_coverage(tiny, WIDE, PHOTO_MASK_VALUE).argmax() == 0
