"""Is a predicted IoU worth what it says? Expected calibration error, reliability curve, area under the curve."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from measures.tables import Cell, Pairs, Table

BINS = 10

Values = npt.NDArray[np.float64]


class Bin(NamedTuple):
    """The masks whose predicted IoU falls between ``low`` and ``high``; their means of predicted and true IoU."""

    low: float
    high: float
    masks: int
    predicted: float
    true: float


def reliability(predicted: Values, true: Values, bins: int = BINS) -> list[Bin]:
    """The reliability curve: equally wide bins of predicted IoU over [0, 1], empty ones left out."""
    number = np.clip((predicted * bins).astype(int), 0, bins - 1)
    return [
        Bin(k / bins, (k + 1) / bins, int(inside.sum()), float(predicted[inside].mean()), float(true[inside].mean()))
        for k in range(bins)
        if (inside := number == k).any()
    ]


def expected_calibration_error(predicted: Values, true: Values, bins: int = BINS) -> float:
    """Mean distance of predicted and true IoU over the bins, each weighted by its share of the masks."""
    return sum(one.masks * abs(one.predicted - one.true) for one in reliability(predicted, true, bins)) / len(predicted)


def area_under_curve(higher: npt.NDArray[np.floating], lower: npt.NDArray[np.floating]) -> float:
    """How often a value of the first kind exceeds one of the second; a tie counts half."""
    difference = higher[:, None] - lower
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def calibration_tables(pairs: Sequence[Pairs]) -> list[Table]:
    """One table of errors, one of the curves behind them."""
    pairs = [one for one in pairs if len(one.predicted)]
    rows: list[list[Cell]] = [
        [
            one.name,
            len(one.predicted),
            float(one.predicted.mean()),
            float(one.true.mean()),
            expected_calibration_error(one.predicted, one.true),
        ]
        for one in pairs
    ]
    curves: list[list[Cell]] = [
        [f"{one.name}, {part.low:.1f} to {part.high:.1f}", part.masks, part.predicted, part.true]
        for one in pairs
        for part in reliability(one.predicted, one.true)
    ]
    note = f"Expected calibration error over {BINS} bins. Masks that the tracker called absent have no predicted IoU."
    header = ("masks", "count", "mean predicted IoU", "mean true IoU", "ECE")
    title = "Calibration of the predicted IoU"
    return [
        Table("calibration", title, header, rows, note if rows else "Skipped: nothing was measured."),
        Table("reliability", "Reliability curve", ("masks, predicted IoU", "count", "predicted", "true"), curves),
    ]


def draw_reliability(pairs: Sequence[Pairs], picture: Path) -> None:
    """Draws true over predicted IoU per bin, and below it how many masks each bin holds."""
    figure = Figure(figsize=(6.4, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot((0, 1), (0, 1), color="gray", linestyle=":", label="as it should be")
    for one in pairs:
        if not len(one.predicted):
            continue
        curve = reliability(one.predicted, one.true)
        error = expected_calibration_error(one.predicted, one.true)
        (line,) = upper.plot(
            [part.predicted for part in curve],
            [part.true for part in curve],
            "o-",
            label=f"{one.name}: ECE {error:.3f}",
        )
        shares = [part.masks / len(one.predicted) for part in curve]
        lower.plot([(part.low + part.high) / 2 for part in curve], shares, "o-", color=line.get_color())
    upper.set(ylabel="true IoU", xlim=(0, 1), ylim=(0, 1))
    lower.set(xlabel="predicted IoU", ylabel="share of the masks", ylim=(0, None))
    upper.legend(loc="upper left")
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
    with picture.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})
