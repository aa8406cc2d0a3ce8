"""How alike cells are."""

from __future__ import annotations

import pytest
import torch

from vos.persam.similarity import best_match


@pytest.mark.parametrize("cells", [0, 3])
def test_the_best_match_of_each_cell_and_of_none(cells: int) -> None:
    """A tiny mask may cover no cell by more than nothing."""
    with torch.no_grad():
        assert best_match(torch.eye(4)[:2], torch.eye(4)[:, :cells]).tolist() == [1.0, 1.0, 0.0][:cells]


@pytest.mark.parametrize(("bank", "cells"), [(1, 1), (127, 300), (5000, 129), (300, 4096)])
def test_products_of_rounded_sizes_find_what_one_product_finds(bank: int, cells: int) -> None:
    generator = torch.Generator().manual_seed(bank)
    known = torch.nn.functional.normalize(torch.randn(bank, 32, generator=generator), dim=1)
    unit = torch.nn.functional.normalize(torch.randn(32, cells, generator=generator), dim=0)
    with torch.no_grad():
        assert best_match(known, unit) == pytest.approx((known @ unit).amax(dim=0), abs=0.01)
