"""A logistic model of whether masks are wrong, with weights that are never negative, and what its ranking is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vos.report.risk import WRONG

SHRINKING = 3.0  # what is usual
STEPS, CLOSE = 100, 1e-9  # of Newton's method, and when it ends
FARTHEST = 1.0  # that a step goes: from far away a full one overshoots
WORST, LISTED = 0.1, 0.2  # shares of all frames: the worst by true IoU, and what the list names

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judgements:
    """The objects of one sequence in the frames with truth.

    Attributes:
        group: the set that the sequence is of.
        frames: int (K,), which frame each row is of.
        signs: float64 (K, S).
        iou: float64 (K,), with the truth, 0..1.
    """

    group: str
    frames: npt.NDArray[np.int64]
    signs: Values
    iou: Values


def fit(
    signs: Values, wrong: Values, weight: Values, least: Values, shrinking: float = SHRINKING
) -> tuple[float, Values]:
    """Fits the chance to be wrong by a logistic function of an offset and weighted signs.

    Args:
        signs: (K, S).
        wrong: (K,), 1 where a mask is wrong, else 0.
        weight: (K,) of each row.
        least: (S,) that each weight has.
        shrinking: how strongly weights, of signs of unit spread, are drawn to zero.

    Returns:
        The offset and the weights (S,).
    """
    mean, spread = signs.mean(axis=0), signs.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = np.column_stack([np.ones(len(signs)), (signs - mean) / spread])
    floor = np.concatenate([[-np.inf], least * spread])
    pull = np.diag([0.0, *[shrinking] * len(spread)])
    solution, free = np.maximum(floor, 0.0), np.ones(len(floor), dtype=bool)
    while True:  # those that would fall below their floor are held there, one round after the other
        for _ in range(STEPS):
            chance = 1 / (1 + np.exp(-(scaled @ solution)))
            slope = scaled[:, free].T @ (weight * (wrong - chance)) - (pull @ solution)[free]
            bend = (scaled[:, free].T * (weight * chance * (1 - chance))) @ scaled[:, free] + pull[np.ix_(free, free)]
            step = np.linalg.solve(bend, slope)
            step *= min(1.0, FARTHEST / float(np.abs(step).max() or 1.0))
            solution[free] += step
            if np.abs(step).max() < CLOSE:
                break
        below = free & (solution < floor - 1e-12)
        if not below.any():
            weights = solution[1:] / spread
            return float(solution[0] - weights @ mean), weights
        free &= ~below
        solution[below] = floor[below]


def fit_all(judged: Sequence[Judgements], least: Values) -> tuple[float, Values]:
    """Fits sequences together; a long one counts more than a short one, but not as much more as it is longer."""
    weight = np.concatenate([np.full(len(each.iou), len(each.iou) ** -0.5) for each in judged])
    wrong = np.concatenate([each.iou < WRONG for each in judged]).astype(np.float64)
    return fit(np.concatenate([each.signs for each in judged]), wrong, weight * len(weight) / weight.sum(), least)


def worst_of_frames(judged: Judgements, against: Values) -> tuple[Values, Values]:
    """Joins the objects of each frame: what speaks most against one of them, and the least IoU of one."""
    frames, number = np.unique(judged.frames, return_inverse=True)
    most, least = np.full(len(frames), -np.inf), np.full(len(frames), np.inf)
    np.maximum.at(most, number, against)
    np.minimum.at(least, number, judged.iou)
    return most, least


def named(against: Values, iou: Values, listed: float = LISTED, worst: float = WORST) -> float:
    """Tells which share of the worst frames the list names.

    Frames that are as bad as the last of the worst are no better than it, and count as worst, too.

    Args:
        against: (K,), what speaks against each frame.
        iou: (K,), its IoU.
        listed: share of all frames that the list has.
        worst: share of all frames that are called worst.
    """
    last = np.sort(iou)[max(1, round(worst * len(iou))) - 1]
    chosen = np.argsort(-against, kind="stable")[: math.ceil(listed * len(iou))]
    truly = iou <= last
    return float(np.count_nonzero(truly[chosen]) / np.count_nonzero(truly))


def leave_one_out(judged: Mapping[str, Judgements], least: Values) -> dict[str, tuple[Values, Values]]:
    """Judges the frames of each sequence by a model of all others; see :func:`worst_of_frames`."""
    found = {}
    for name, own in judged.items():
        offset, weights = fit_all([each for other, each in judged.items() if other != name], least)
        found[name] = worst_of_frames(own, offset + own.signs @ weights)
    return found
