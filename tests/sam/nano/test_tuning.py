"""The optimiser of adaptation is Adam."""

from __future__ import annotations

import torch
from torch import nn

from vos.sam.nano.tuning import BETAS, LONGEST, _Adam


def test_its_steps_are_those_of_torch_to_the_bit() -> None:
    torch.manual_seed(0)
    mine = [nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(5))]
    theirs = [nn.Parameter(value.detach().clone()) for value in mine]
    begin = [value.detach().clone() for value in mine]
    own, reference = _Adam(mine), torch.optim.Adam(theirs, betas=BETAS, fused=True)
    for step in range(6):
        rate, scale = 1e-2 / (step + 1), 0.1 * 4**step  # short gradients, and such as have to be clipped
        gradients = tuple(scale * torch.randn_like(value) for value in mine)
        for value, gradient in zip(theirs, gradients):
            value.grad = gradient.clone()
        nn.utils.clip_grad_norm_(theirs, LONGEST)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        own.step(tuple(gradient.clone() for gradient in gradients), rate)
    assert all(torch.equal(a, b) for a, b in zip(mine, theirs))
    assert all(not torch.equal(a, b) for a, b in zip(mine, begin))
