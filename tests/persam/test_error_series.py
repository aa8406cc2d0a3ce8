"""The series of the loss against its sums, taken anew where it is evaluated."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vos.persam.error_series import ORDER, REACH, ErrorSums
from vos.persam.persam_f import tune_weights

CENTRE = np.array([0.3, 0.4])


def case(scale: float, share: float = 0.4, seed: int = 0, pixels: int = 2000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (3, P) and a mask (P,) of which about a share is object."""
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(3, pixels, generator=generator), torch.rand(pixels, generator=generator) < share


def direct(maps: torch.Tensor, mask: torch.Tensor, free: np.ndarray) -> np.ndarray:
    """The three sums and their slopes by autograd in float64."""
    weights = torch.tensor(free, requires_grad=True)
    fused = torch.cat([1 - weights.sum()[None], weights]) @ maps.double()
    error = torch.sigmoid(torch.where(mask, -fused, fused))
    balance = torch.where(mask, 0.25, 0.75).double() / mask.numel()
    focal = (balance * error**2 * F.softplus(torch.where(mask, -fused, fused))).sum()
    sums = [error[mask].sum(), error[~mask].sum(), focal]
    slopes = [torch.autograd.grad(each, weights, retain_graph=True)[0].numpy() for each in sums]
    return np.concatenate([[[each.item() for each in sums]], np.stack(slopes, axis=1)])


@pytest.mark.parametrize("scale", [0.1, 1, 5, 30])
@pytest.mark.parametrize("share", [0, 0.4, 1])
def test_values_and_slopes_are_the_sums_as_far_as_the_series_holds(scale: float, share: float) -> None:
    maps, mask = case(scale, share)
    series = ErrorSums(maps, mask).expand(CENTRE, step=0)
    np.testing.assert_allclose(series.at(CENTRE), direct(maps, mask, CENTRE), rtol=1e-9, atol=1e-12)
    for corner in ([1, 1], [1, -1], [-1, 0.3]):
        free = CENTRE + 0.999 * series.radius * np.array(corner)
        assert series.holds(free)
        error = np.abs(series.at(free) - direct(maps, mask, free)) / [1, 1, 1 / mask.numel()]  # the last is a mean
        assert error.max() < 1e-7 * mask.numel() * scale  # of sums of slopes that are about ``scale`` each
    assert not series.holds(CENTRE + np.array([0, 1.01 * series.radius]))


def test_reach_is_a_share_of_the_way_to_the_nearest_singular_point() -> None:
    """One pixel at z = 0 that moves by 2 + 4 if both weights move by 1; its sigmoid is singular at i pi."""
    maps, mask = torch.tensor([[-2.0], [0.0], [2.0]]), torch.tensor([False])
    series = ErrorSums(maps, mask).expand(np.array([0.2, 0.4]), step=0)
    assert series.radius == pytest.approx(REACH * math.pi / 6)
    far = ErrorSums(maps - 100, mask).expand(np.array([0.2, 0.4]), step=0)
    assert far.radius == pytest.approx(REACH * math.hypot(math.pi, 100) / 6)


def test_logits_that_jump_at_every_step_are_summed_at_every_step() -> None:
    maps, mask = case(1000)
    series = ErrorSums(maps, mask).expand(CENTRE, step=1e-2)
    assert (series.radius, series.table.shape[-1]) == (0, 2)
    np.testing.assert_allclose(series.at(CENTRE), direct(maps, mask, CENTRE), rtol=1e-9, atol=1e-12)
    assert not series.holds(CENTRE + 1e-9)


def test_many_chunks_are_one_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    maps, mask = case(5)
    whole = ErrorSums(maps, mask).expand(CENTRE, step=0)
    monkeypatch.setattr("vos.persam.error_series.CHUNK", 300)
    parts = ErrorSums(maps, mask).expand(CENTRE, step=0)
    assert parts.radius == whole.radius
    np.testing.assert_allclose(parts.table, whole.table, rtol=1e-9, atol=1e-9)


def test_a_thousand_steps_take_few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    passes, expand = [], ErrorSums.expand
    monkeypatch.setattr(ErrorSums, "expand", lambda self, *rest: passes.append(expand(self, *rest)) or passes[-1])
    maps, mask = case(5)
    maps[2, mask] += 20  # the weights have somewhere to go
    tune_weights(maps.view(1, 3, 40, 50), mask.view(1, 40, 50), 1000, 1e-3)
    assert 1 < len(passes) < 20
    assert {one.table.shape[-1] for one in passes} == {ORDER + 1}
