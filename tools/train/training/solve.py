"""Linear systems by matrix products alone: PyTorch's LU decomposition cannot be recorded in a CUDA graph."""

from __future__ import annotations

from typing import Any

import torch

DOUBLINGS = 24  # the error of the inverse is squared so often: enough for a condition of some 1e5
REFINEMENTS = 2


class _Solve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        inverse = _inverse(matrix)
        solution = _refined(matrix, inverse, right)
        ctx.save_for_backward(matrix, inverse, solution)
        return solution

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        matrix, inverse, solution = ctx.saved_tensors
        to_right = _refined(matrix, inverse, gradients[0])  # the matrix is its own transpose
        return -to_right[:, :, None] * solution[:, None], to_right


def solve(matrix: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Solves systems with symmetric positive definite matrices, with gradients.

    Args:
        matrix: float (N, C, C).
        right: float (N, C).

    Returns:
        float (N, C).
    """
    solution: torch.Tensor = _Solve.apply(matrix, right)  # type: ignore[no-untyped-call]
    return solution


def _inverse(matrix: torch.Tensor) -> torch.Tensor:
    """The iteration of Newton and Schulz, which begins with a multiple of the unit matrix."""
    unit = torch.eye(matrix.shape[1], device=matrix.device)
    inverse = unit / matrix.abs().sum(dim=2).amax(dim=1)[:, None, None]  # its norm is at least the largest eigenvalue
    for _ in range(DOUBLINGS):
        inverse = inverse @ (2 * unit - matrix @ inverse)
        inverse = (inverse + inverse.transpose(1, 2)) / 2  # rounding must not make it lopsided
    return inverse


def _refined(matrix: torch.Tensor, inverse: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    solution = inverse @ right[..., None]
    for _ in range(REFINEMENTS):
        solution = solution + inverse @ (right[..., None] - matrix @ solution)
    return solution[..., 0]
