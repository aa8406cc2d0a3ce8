"""Systems solved by products alone have LAPACK's solutions and gradients."""

from __future__ import annotations

import pytest
import torch
from training.solve import solve


@pytest.mark.parametrize("condition", [10.0, 1e3, 4e4])
def test_solutions_and_gradients_are_those_of_lapack(condition: float) -> None:
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(4, 65, 65, generator=generator, dtype=torch.float64))[0]
    values = torch.logspace(0, -float(torch.tensor(condition).log10()), 65, dtype=torch.float64)
    exact = ((basis * values) @ basis.transpose(1, 2)).requires_grad_()
    right = torch.randn(4, 65, generator=generator, dtype=torch.float64).requires_grad_()
    expected = torch.linalg.solve(exact, right)
    wanted = torch.autograd.grad(expected.square().sum(), (exact, right))
    single = [value.detach().float().requires_grad_() for value in (exact, right)]
    solution = solve(*single)
    given = torch.autograd.grad(solution.square().sum(), single)
    for mine, theirs in ((solution, expected), *zip(given, wanted)):
        difference = (mine.detach().double() - theirs.detach()).norm() / theirs.detach().norm()
        assert float(difference) < 3e-8 * condition + 1e-6
