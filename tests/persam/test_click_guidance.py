"""Guidance says which cells look like the clicked ones, and like the box or the last mask."""

from __future__ import annotations

import numpy as np
import torch

from vos.geometry import Geometry
from vos.persam.click_guidance import click_guidance
from vos.sam.prompting import Prompt
from vos.structures import ImageEmbedding

GEOMETRY = Geometry((128, 128), (128, 128), (128, 128), logit_stride=2)


def halves() -> ImageEmbedding:
    """Four stripes of 32 pixels, of two kinds of features in turn, and a little noise."""
    torch.manual_seed(0)

    def stripes(channels: int, side: int) -> torch.Tensor:
        kinds = torch.randn(2, channels)
        columns = torch.arange(side) * 4 // side % 2
        return kinds[columns].T[:, None].expand(-1, side, -1) + 0.1 * torch.randn(channels, side, side)

    levels = (torch.zeros(4, 8, 8), stripes(8, 16), stripes(8, 32))
    return ImageEmbedding(stripes(16, 8), GEOMETRY, levels)


def test_cells_that_look_like_the_click_stand_out() -> None:
    clicked = Prompt(np.array([[16, 64], [48, 64]], np.float32), np.array([1, 0]))
    guidance = click_guidance(halves(), clicked)
    assert guidance.maps is not None
    assert guidance.maps.shape == (1, 5, 8, 8)
    maps = guidance.maps[0]
    same, other = maps[:, :, [0, 1, 4, 5]], maps[:, :, [2, 3, 6, 7]]
    for channel, sign in ((0, 1), (1, 1), (2, -1), (4, 1)):
        assert (sign * (same[channel].min() - other[channel].max())).sign() == 1 or sign == -1
    assert other[2].min() > same[2].max(), "the click that is not on it"
    assert not maps[3].any(), "no mask, no box"
    for response, side in zip(guidance.responses, (8, 16, 32)):
        assert response.shape == (1, side, side)
        assert response[0, :, : side // 4].min() > response[0, :, side // 4 : side // 2].max()


def test_a_box_is_told_from_what_is_around_it() -> None:
    prompt = Prompt.empty(np.array([0, 0, 32, 128], np.float32))
    guidance = click_guidance(halves(), prompt)
    for response in guidance.responses:
        quarter = response.shape[-1] // 4
        inside, outside = response[0, :, :quarter].mean(), response[0, :, quarter : 2 * quarter].mean()
        assert inside > outside + 0.5
        assert response[0, :, 2 * quarter : 3 * quarter].mean() > outside + 0.5, "a look-alike outside of it"


def test_the_last_mask_comes_before_the_box() -> None:
    mask = torch.full(GEOMETRY.logit_size, -8.0)
    mask[:, 16:32] = 8
    box = np.array([0, 0, 32, 128], np.float32)
    fed = click_guidance(halves(), Prompt.empty(box, mask))
    alone = click_guidance(halves(), Prompt.empty(None, mask))
    assert all(torch.equal(one, two) for one, two in zip(fed.responses, alone.responses))
    assert fed.responses[2][0, :, 8:16].mean() > fed.responses[2][0, :, :8].mean()
