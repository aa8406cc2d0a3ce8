"""Where pixels come from when low-res logits are enlarged."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.geometry import Geometry

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
