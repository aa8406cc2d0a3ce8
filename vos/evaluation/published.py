"""What published methods reach on DAVIS 2016, sequence by sequence, to stand beside our own figures.

``published_davis16.csv`` holds J and F of semi-supervised methods on the validation set: averages over the frames in
the raw evaluations of the DAVIS site, https://github.com/davisvideochallenge/davisvideochallenge.github.io, commit
30be16f, json_data/raw_eval/2016. They are of the official scorer, in the protocol that we use for DAVIS.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vos.evaluation.scoring import SequenceScore

TABLE = Path(__file__).with_name("published_davis16.csv")
SOURCE = "davisvideochallenge.github.io, commit 30be16f"
OURS = "this run"

Figures = tuple[str, float, float, float]
"""Method, J&F, J and F."""


def beside_published(scores: Sequence[SequenceScore]) -> tuple[list[Figures], list[str]]:
    """Compares scores on DAVIS 2016 with those of published methods on the same sequences.

    Args:
        scores: of this run, one per sequence.

    Returns:
        The methods and this run, best J&F first, and the sequences over which all are averaged: those that are known.
        Nothing where none is.
    """
    published = _read()
    known = [score for score in scores if score.sequence in next(iter(published.values()))]
    if not known:
        return [], []
    names = [score.sequence for score in known]
    rows = [_figures(method, [figures[name] for name in names]) for method, figures in published.items()]
    rows.append(_figures(OURS, [(score.j_mean, score.f_mean) for score in known]))
    return sorted(rows, key=lambda row: -row[1]), names


def _read() -> dict[str, dict[str, tuple[float, float]]]:
    """Reads J and F by method and sequence; all methods have the same sequences."""
    figures: dict[str, dict[str, tuple[float, float]]] = {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            figures.setdefault(row["method"], {})[row["sequence"]] = (float(row["J"]), float(row["F"]))
    return figures


def _figures(method: str, values: Sequence[tuple[float, float]]) -> Figures:
    j, f = map(float, np.mean(values, axis=0))
    return method, (j + f) / 2, j, f
