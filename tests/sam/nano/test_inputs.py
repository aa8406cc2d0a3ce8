"""What stands in for PyTorch's operators gives their bits."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from vos.sam.nano.inputs import highest_around


def test_the_highest_value_around_is_that_of_pooling_to_the_bit() -> None:
    x = torch.randn(3, 1, 7, 9)
    assert torch.equal(highest_around(x), F.max_pool2d(x, 3, 1, 1))
    assert torch.equal(highest_around(x.mT), F.max_pool2d(x.mT, 3, 1, 1)), "another order in memory"
    assert torch.equal(-highest_around(-x), -F.max_pool2d(-x, 3, 1, 1))
