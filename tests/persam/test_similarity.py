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
