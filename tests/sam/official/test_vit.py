"""The fast attention equals the public module's, along every path."""

from __future__ import annotations

import pytest
import torch
from seeded_weights import seeded_state

from vos.sam.official.vit import RelPosAttention, public_modeling


def pair(size: tuple[int, int]) -> tuple[torch.nn.Module, RelPosAttention, torch.Tensor]:
    """The public module, ours with the same weights, and an input."""
    public = public_modeling().image_encoder.Attention(48, num_heads=3, use_rel_pos=True, input_size=size)
    state = seeded_state(public.state_dict())
    public.load_state_dict(state)
    ours = RelPosAttention(48, 3, size)
    ours.load_state_dict(state)
    return public, ours, torch.randn(2, *size, 48, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(14, 14), (9, 14), (33, 35), (64, 20)])  # above 1024 tokens: row by row
@torch.no_grad()
def test_equals_public_module(size: tuple[int, int]) -> None:
    public, ours, x = pair(size)
    torch.testing.assert_close(ours(x), public(x), rtol=0, atol=2e-5)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@torch.no_grad()
def test_a_trace_is_short_and_equals_the_public_module() -> None:
    public, ours, x = pair((33, 35))
    traced = torch.jit.trace(ours, (x,), check_trace=False)
    assert len(list(traced.inlined_graph.nodes())) < 300, "rows are unrolled"
    torch.testing.assert_close(traced(x), public(x), rtol=0, atol=2e-5)


@pytest.mark.parametrize("size", [(14, 14), (33, 35)])
@torch.no_grad()
def test_bfloat16_is_close(size: tuple[int, int]) -> None:
    public, ours, x = pair(size)
    expected = public(x)
    with torch.autocast("cpu", torch.bfloat16):
        actual = ours(x).float()
    assert (actual - expected).std() < 0.02 * expected.std()


@torch.no_grad()
def test_position_matters() -> None:
    _, ours, x = pair((33, 35))
    before = ours(x)
    ours.rel_pos_h.zero_()
    assert (ours(x) - before).std() > 0.01 * before.std()
