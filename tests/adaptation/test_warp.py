"""Corrupted masks look like what a tracker brings along from an earlier frame."""

from __future__ import annotations

import pytest
import torch

from vos.adaptation import warp
from vos.adaptation.warp import corrupt_masks


def square(count: int) -> torch.Tensor:
    masks = torch.zeros(count, 64, 96)
    masks[:, 20:40, 30:60] = 1
    return masks


def test_masks_move_grow_shrink_and_stay_masks() -> None:
    corrupted = corrupt_masks(square(200), torch.Generator().manual_seed(0))
    assert corrupted.shape == (200, 64, 96)
    assert float(corrupted.min()) >= 0
    assert float(corrupted.max()) <= 1
    areas = corrupted.flatten(1).sum(dim=1) / 600
    assert float(areas.min()) < 0.7
    assert float(areas.max()) > 1.4
    assert 0.7 < float(areas.median()) < 1.3
    columns = (corrupted * (torch.arange(96) + 0.5)).flatten(1).sum(dim=1) / corrupted.flatten(1).sum(dim=1).clamp(
        min=1
    )
    assert float(columns.min()) < 42
    assert float(columns.max()) > 48
    overlap = (corrupted * square(200)).flatten(1).sum(dim=1) / 600
    assert float(overlap.median()) > 0.5


def test_the_same_seed_gives_the_same_masks() -> None:
    first, again = (corrupt_masks(square(3), torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, corrupt_masks(square(3), torch.Generator().manual_seed(5)))


@pytest.mark.parametrize("seed", range(6))
def test_more_pooling_than_is_needed_changes_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU nobody looks how large the largest is."""
    monkeypatch.setattr(warp, "HOLED_SHARE", 0.0)
    masks = square(1)
    expected = corrupt_masks(masks, torch.Generator().manual_seed(seed))
    monkeypatch.setattr(warp, "int", lambda value: warp.LARGEST, raising=False)
    assert torch.equal(corrupt_masks(masks, torch.Generator().manual_seed(seed)), expected)


def test_nothing_stays_nothing() -> None:
    assert not corrupt_masks(torch.zeros(5, 32, 32), torch.Generator().manual_seed(1)).any()
