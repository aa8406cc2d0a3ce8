"""PerSAM-F's weights against brute force; against the published code: tests/tracking/test_reference_tracker.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from seeded_weights import seeded_uniform

from vos.persam.persam_f import ADAM_EPS, fuse, tune_weights

STEPS, RATE = 200, 4e-4


def case(name: str, size: tuple[int, int] = (60, 80)) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (1, 3, H, W) of which the third fits the mask (1, H, W) best."""
    mask = torch.zeros(1, *size, dtype=torch.bool)
    mask[0, 15:40, 20:60] = True
    noise = torch.from_numpy(seeded_uniform(name, (1, 3, 8, 10)))
    noise = 8 * F.interpolate(noise, size=size, mode="bilinear", align_corners=False)
    return noise + (mask.float() * 2 - 1)[:, None] * torch.tensor([0.5, 2.0, 5.0]).view(1, 3, 1, 1), mask


def brute_force(logits: torch.Tensor, mask: torch.Tensor, steps: int, rate: float) -> torch.Tensor:
    """Straight from the paper's words, in float64."""
    maps, target = logits.double().flatten(1), mask.double().flatten()
    free = torch.full((2,), 1 / 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([free], lr=rate, eps=ADAM_EPS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        fused = (1 - free.sum()) * maps[0] + free[0] * maps[1] + free[1] * maps[2]
        p, log_p, log_not = torch.sigmoid(fused), F.logsigmoid(fused), F.logsigmoid(-fused)
        dice = 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
        focal = -(0.25 * target * (1 - p) ** 2 * log_p + 0.75 * (1 - target) * p**2 * log_not).mean()
        optimizer.zero_grad()
        (dice + focal).backward()
        optimizer.step()
        schedule.step()
    return torch.stack([1 - free.sum(), *free]).detach().float()


@pytest.mark.parametrize("exact", [False, True])
def test_weights_are_the_brute_force_ones(exact: bool) -> None:
    for name in ("a", "b"):
        logits, mask = case(name)
        weights = tune_weights(logits, mask, STEPS, RATE, exact)
        torch.testing.assert_close(weights[0], brute_force(logits[0], mask[0], STEPS, RATE), atol=2e-6, rtol=0)
        assert float(weights.sum()) == pytest.approx(1, abs=1e-6)
        assert weights[0, 2] > 1 / 3 > weights[0, 0]


def test_objects_are_tuned_independently() -> None:
    (a, mask_a), (b, mask_b) = case("a"), case("b")
    both = tune_weights(torch.cat([a, b]), torch.cat([mask_a, mask_b]), 20, RATE)
    alone = torch.cat([tune_weights(a, mask_a, 20, RATE), tune_weights(b, mask_b, 20, RATE)])
    assert torch.equal(both, alone)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.1, 1, 5, 30, 300, 3000]), st.booleans(), st.floats(0, 1))
def test_series_follows_the_exact_loop_on_any_logits(seed: int, scale: float, is_smooth: bool, share: float) -> None:
    """Flat and steep, smooth and noise, an empty mask to a full one: within 1e-5, where masks are the same."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(1, 3, *((4, 5) if is_smooth else (30, 40)), generator=generator)
    logits = F.interpolate(logits, size=(30, 40), mode="bilinear", align_corners=False)
    mask = torch.rand(1, 30, 40, generator=generator) < share
    weights, exact = (tune_weights(logits, mask, 60, 3e-3, exact) for exact in (False, True))
    assert (weights - exact).abs().max() < 1e-5
    assert ((fuse(logits, weights) > 0) != (fuse(logits, exact) > 0)).sum() <= 1  # a pixel may lie on the edge


@pytest.mark.parametrize("value", [False, True])
def test_empty_and_full_masks_give_finite_weights(value: bool) -> None:
    logits, mask = case("a")
    weights = tune_weights(logits, torch.full_like(mask, value), 20, RATE)
    assert torch.isfinite(weights).all()
    torch.testing.assert_close(weights, tune_weights(logits, torch.full_like(mask, value), 20, RATE, exact=True))


def test_fusing_is_the_weighted_sum() -> None:
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([[1.0, 0, 0], [0.2, 0.3, 0.5]])
    fused = fuse(logits, weights)
    assert torch.equal(fused[0], logits[0, 0])
    np.testing.assert_allclose(fused[1], np.tensordot([0.2, 0.3, 0.5], logits[1].numpy(), 1), rtol=1e-5, atol=1e-6)
