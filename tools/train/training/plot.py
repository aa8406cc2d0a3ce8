"""The training log as a picture."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

ROUNDS = {
    "iou_find": "found by reference",
    "iou_follow": "followed",
    "iou_ask": "click or box",
    "iou_correct": "one more click",
    "iou_click_1": "one click",
    "iou_click_2": "two clicks",
    "iou_click_3": "three clicks",
    "iou_box": "box",
}


def write_plot(log: Path, picture: Path) -> None:
    """Draws IoU per round (single mask, views of this step) and loss over the steps of ``log.csv``."""
    with log.open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    steps = [row["step"] for row in rows]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, label in ROUNDS.items():
        if name in rows[0]:
            axes.plot(steps, [row[name] for row in rows], label=label)
    axes.set(xlabel="step", ylabel="mean IoU on training scenes", ylim=(0, 1))
    axes.legend(loc="lower right")
    losses = axes.twinx()
    losses.plot(steps, [row["loss"] for row in rows], color="gray", linestyle=":")
    losses.set_ylabel("decoder loss (dotted)")
    for before, after in pairwise(rows):
        if before["size"] != after["size"]:
            axes.axvline(after["step"], color="lightgray")
            axes.text(after["step"], 0.02, f" {after['size']:.0f} px")
    figure.savefig(picture, dpi=100)
