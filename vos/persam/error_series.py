"""The loss of fused logits as a power series in the two weights: one pass over the pixels serves many steps.

A pixel's logit is linear in the weights, and the loss is made of three sums over pixels of analytic functions of it. So
each sum is a power series in the change of the weights, whose coefficients are sums over all pixels, without any sample
or fit. The singular points nearest to a logit z lie sqrt(z^2 + pi^2) away. A change of the weights that moves no logit
by more than the share ``REACH`` of this leaves an error of about (ORDER + 1) REACH^ORDER = 1e-5 of a pixel's slope, and
that only in the pixels which move the most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vos.persam.published import ALPHA

ORDER, REACH = 8, 0.18  # a higher order makes a pass longer, a shorter reach takes more passes
CHUNK = 1 << 12  # pixels; some thirty float64 arrays of this length fit into a core's cache

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ErrorSeries:
    """Three sums over pixels as power series around some weights: missed, added, focal loss.

    Attributes:
        centre: float64 (2,), w2 and w3 where the sums were taken.
        radius: by how much each weight may differ from there.
        table: float64 (3, 3, n, n): value, slope along w2 and along w3; of the three sums; by powers of both changes.
    """

    centre: Floats
    radius: float
    table: Floats

    def holds(self, free: Floats) -> bool:
        """Tells whether w2 and w3 are within reach."""
        return bool(np.abs(free - self.centre).max() <= self.radius)

    def at(self, free: Floats) -> Floats:
        """Evaluates the three sums at w2 and w3; returns (3, 3): their values, their slopes along w2 and along w3."""
        powers = (free - self.centre)[:, None] ** np.arange(self.table.shape[-1])
        result: Floats = self.table @ powers[1] @ powers[0]
        return result


class ErrorSums:
    """What the loss of one object is made of.

    Logits get the sign of their error: z = -l on the object, z = l outside. With e = sigmoid(z), the soft pixels that
    are missed (on the object) or added (outside) are the sums of e, and the focal loss is that of balance e^2
    softplus(z). All is computed in float64 on the CPU, by NumPy: PyTorch would share each of thousands of small
    operations among its threads, which took ten times as long where other programs kept a core.

    Args:
        maps: float (3, P), logits of the three candidates.
        mask: bool (P,), the truth.
    """

    def __init__(self, maps: torch.Tensor, mask: torch.Tensor) -> None:
        logits, inside = maps.cpu().numpy(), mask.cpu().numpy()
        sides = (-logits[:, inside], ALPHA), (logits[:, ~inside], 1 - ALPHA)
        self.chunks = [
            (side, balance / inside.size, signed[:, begin : begin + CHUNK])
            for side, (signed, balance) in enumerate(sides)
            for begin in range(0, signed.shape[1], CHUNK)
        ]

    def expand(self, free: Floats, step: float) -> ErrorSeries:
        """Sums over all pixels.

        Args:
            free: float64 (2,), w2 and w3.
            step: that the weights will go next; a series that would not reach as far has values and slopes alone.
        """
        radius, order = REACH / max(_speed(chunk, free) for _, _, chunk in self.chunks), ORDER
        if radius < step:
            radius, order = 0.0, 1
        sums = np.zeros((3, order + 1, order + 1))
        for side, balance, chunk in self.chunks:
            errors, focal = _moments(chunk, free, order)
            sums[side] += errors
            sums[2] += balance * focal
        table, factors = np.zeros((3, *sums.shape)), np.arange(1, order + 1)
        table[0] = sums
        table[1, :, :-1] = sums[:, 1:] * factors[:, None]
        table[2, :, :, :-1] = sums[:, :, 1:] * factors
        return ErrorSeries(free.copy(), radius, table)


def _signed_logits(chunk: npt.NDArray[np.float32], free: Floats) -> tuple[Floats, Floats]:
    """Fuses a chunk (3, n); returns z (n,) and how fast it moves with w2 and w3 (2, n)."""
    maps = chunk.astype(np.float64)
    moves = maps[1:] - maps[0]  # w1 falls as the others rise
    return maps[0] + free @ moves, moves


def _speed(chunk: npt.NDArray[np.float32], free: Floats) -> float:
    """Finds the most that a logit moves, in distances to its nearest singular point, if both weights move by 1."""
    z, moves = _signed_logits(chunk, free)
    return max(1e-9, float((np.abs(moves).sum(axis=0) / np.hypot(z, math.pi)).max()))


def _moments(chunk: npt.NDArray[np.float32], free: Floats, order: int) -> Floats:
    """Sums e, and e^2 softplus(z), of a chunk (3, n): (2, order + 1, order + 1), by the powers of both changes."""
    z, moves = _signed_logits(chunk, free)
    sums, monomials = np.zeros((2, order + 1, order + 1)), np.ones((1, len(z)))
    for k, terms in enumerate(zip(*_pixel_series(np.maximum(z, -80), order))):  # e^2 is above the denormal numbers
        moments = np.stack(terms) @ monomials.T
        for j in range(k + 1):
            sums[:, k - j, j] = math.comb(k, j) * moments[:, j]
        monomials = np.concatenate([monomials * moves[0], monomials[-1:] * moves[1]])
    return sums


def _pixel_series(z: Floats, order: int) -> tuple[list[Floats], list[Floats]]:
    """Expands e = sigmoid(z) and e^2 softplus(z) in the change of z: coefficients 0..order of both."""
    error = [1 / (1 + np.exp(-z))]
    for k in range(order + 1):  # e' = e - e^2
        error.append((error[k] - _product(error, error, k)) / (k + 1))
    square = [error[k] - (k + 1) * error[k + 1] for k in range(order + 1)]
    softplus = [z - np.log(error[0]), *(error[k] / (k + 1) for k in range(order))]  # its slope is e
    return error[:-1], [_product(square, softplus, k) for k in range(order + 1)]


def _product(a: Sequence[Floats], b: Sequence[Floats], k: int) -> Floats:
    """Computes coefficient k of the product of two series."""
    total = a[0] * b[k]
    for i in range(1, k + 1):
        total += a[i] * b[k - i]
    return total
