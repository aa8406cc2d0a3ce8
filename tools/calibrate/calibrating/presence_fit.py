"""From what was found in albums to weights, thresholds, and what they are worth on objects left out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calibrating.fit import fit
from calibrating.presence_rows import Row
from vos.io.atomic import atomic_path
from vos.photos.calibration import MAX_FALSE_ALARMS, Calibration, FineEvidence, Weighting, WholeEvidence
from vos.photos.presence import DEFAULT_THRESHOLD

PRESENT, ABSENT = ("later", "jitter", "shrunk"), ("stranger", "gone")
RIGHT, WRONG = 0.5, 0.2  # IoU of a mask from which it shows the object, and below which it shows something else
SHARES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)  # of false alarms, for which there are thresholds
MARGIN = 0.75  # of a share that thresholds allow for: albums whose strangers are of one kind are harder than these
SHRINKING = 0.3  # see calibrating.fit
# Of a small object against one in the whole photo: albums show few, and what is taken for one costs false alarms.
RARE = 0.03
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Album:
    """The rows of one object."""

    group: str
    sequence: str
    object_id: int
    rows: list[Row]

    def fitted_to(self) -> list[Row]:
        """Lists the rows that count: not those of photos that the encoder was trained on."""
        return [row for row in self.rows if row.source != "trained" and row.kind in PRESENT + ABSENT]


def weights_of(albums: Sequence[Album]) -> tuple[Weighting, Weighting]:
    """Fits the weights of whole and fine evidence, so that the better of both is a probability."""
    rows = [row for album in albums for row in album.fitted_to()]
    whole, fine = _Masks(), _Masks()
    for row in rows:
        is_there = row.kind in PRESENT
        if row.whole and row.kind != "shrunk" and (row.iou >= WRONG or not is_there):
            whole.add(row.whole, is_there, 1.0)
        for values, iou in zip(row.fine or (), row.fine_iou):
            if iou >= RIGHT or not is_there:
                fine.add(values, is_there, RARE if is_there else 1.0)
    models = whole.fitted(), fine.fitted()
    # Once more on one scale: the better of the two has a higher chance to be wrong than each.
    both = [row for row in rows if row.fine is not None]
    odds = np.array([best_odds(*models, row) for row in both])
    there = np.array([row.kind in PRESENT for row in both], np.float64)
    weight = np.array([RARE if row.kind == "shrunk" else 1.0 for row in both])
    offset, (slope,) = fit(odds[:, None], there, weight, np.array([0.1]), SHRINKING)
    first, second = (
        Weighting(offset + slope * each.offset, tuple(slope * weight for weight in each.weights)) for each in models
    )
    return first, second


class _Masks:
    """Evidence of masks, and whether they are the object."""

    def __init__(self) -> None:
        self.values: list[tuple[float, ...]] = []
        self.there: list[float] = []
        self.weight: list[float] = []

    def add(self, values: tuple[float, ...], is_there: bool, weight: float) -> None:
        self.values.append(values)
        self.there.append(float(is_there))
        self.weight.append(weight)

    def fitted(self) -> Weighting:
        values = np.array(self.values)
        offset, weights = fit(values, np.array(self.there), np.array(self.weight), np.zeros(values.shape[1]), SHRINKING)
        return Weighting(float(offset), tuple(float(weight) for weight in weights))


def best_odds(whole: Weighting, fine: Weighting, row: Row, least: float = -20.0) -> float:
    """Finds the log odds of a photo: of its best mask."""
    odds = [least]
    odds += [whole.offset + float(np.dot(whole.weights, row.whole))] if row.whole else []
    odds += [fine.offset + float(np.dot(fine.weights, values)) for values in row.fine or ()]
    return max(odds)


def leave_out(albums: Sequence[Album]) -> dict[int, list[float]]:
    """Estimates the probabilities of each album's rows (by the album's number), fitted to other sequences."""
    told = {}
    for sequence in dict.fromkeys(album.sequence for album in albums):
        models = weights_of([album for album in albums if album.sequence != sequence])
        for number, album in enumerate(albums):
            if album.sequence == sequence:
                told[number] = [float(1 / (1 + np.exp(-best_odds(*models, row)))) for row in album.rows]
    return told


def calibrated(albums: Sequence[Album]) -> dict[str, Any]:
    """Fits everything; says what it is worth."""
    told = leave_out(albums)
    pairs = [(album, row, value) for number, album in enumerate(albums) for row, value in zip(album.rows, told[number])]
    strange = [
        value for album, row, value in pairs if row.kind in ABSENT and row.source != "trained" and row.fine is not None
    ]
    thresholds = [(share, float(np.quantile(strange, 1 - MARGIN * share))) for share in SHARES]
    whole, fine = weights_of(albums)
    threshold = Calibration(whole, fine, tuple(thresholds)).threshold(MAX_FALSE_ALARMS)
    return {
        "whole": _entry(whole, WholeEvidence),
        "fine": _entry(fine, FineEvidence),
        "thresholds": [[share, round(value, 6)] for share, value in thresholds],
        "leave sequences out": table(pairs, threshold),
    }


def _entry(weighting: Weighting, kind: type[WholeEvidence | FineEvidence]) -> dict[str, Any]:
    named = zip((field.name for field in fields(kind)), astuple(weighting)[1])
    return {"offset": round(weighting.offset, 6), "weights": {name: round(weight, 6) for name, weight in named}}


def table(pairs: Sequence[tuple[Album, Row, float]], threshold: float) -> list[dict[str, Any]]:
    """Measures recall and false alarms before and after, by what was asked and where the photos come from."""
    rows = []
    asked: dict[str, list[tuple[Row, float]]] = {}
    for album, row, value in pairs:
        if row.kind in ABSENT and row.fine is None:
            continue  # a finer search might have taken something for the object
        names = [row.kind, f"{row.kind}, {row.source if row.kind == 'stranger' else album.group}"]
        names += ["strangers, all but trained on"] if row.kind == "stranger" and row.source != "trained" else []
        for name in names:
            asked.setdefault(name, []).append((row, value))
    for name, own in sorted(asked.items()):
        found = [value >= threshold for _, value in own]
        right = [is_found and max((row.iou, *row.fine_iou)) >= WRONG for is_found, (row, _) in zip(found, own)]
        rows.append(
            {
                "asked": name,
                "photos": len(own),
                "before": round(float(np.mean([row.score >= DEFAULT_THRESHOLD for row, _ in own])), 3),
                "after": round(float(np.mean(found)), 3),
                "in its place": round(float(np.mean(right)), 3),
            }
        )
    return rows


def write_entry(path: Path, entry: Mapping[str, Any]) -> None:
    """Writes a model's entry in place of an earlier one of the same weights."""
    models: list[Mapping[str, Any]] = []
    if path.is_file():
        models = json.loads(path.read_text(encoding="utf-8"))["models"]
    models = [one for one in models if one["sha256"] != entry["sha256"]] + [entry]
    about = "Weights of vos/photos/calibration.py, written by tools/calibrate/presence.py: do not edit"
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps({"about": about, "models": models}, indent=1) + "\n", encoding="utf-8")
