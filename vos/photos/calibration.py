"""What makes a probability of evidence: numbers that ``make calibrate`` has fitted for a model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from vos.sam.segmenter import Segmenter

FILE = "presence.json"  # in vos/weights; tools/calibrate/presence.py writes it
MAX_FALSE_ALARMS = 0.02  # share of the photos without the object in which it may be seen


@dataclass(frozen=True, slots=True)
class WholeEvidence:
    """What speaks for a mask that was found in the whole photo; each value from 0 to 1, more = more likely.

    Attributes:
        unprompted_iou: predicted IoU of the mask that is decoded from appearance alone.
        agreement: IoU of that mask with the one that is judged.
        likeness: of what lies under the mask to the concept, in the mean.
        close_iou: predicted IoU of the mask that the closer look finds by itself.
        close_agreement: IoU of that mask with the one that is judged.
        close_likeness: as ``likeness``, in the closer look.
    """

    unprompted_iou: float
    agreement: float
    likeness: float
    close_iou: float
    close_agreement: float
    close_likeness: float


@dataclass(frozen=True, slots=True)
class FineEvidence:
    """What speaks for a mask of :class:`vos.photos.fine_search.FineSearch`; likewise."""

    predicted_iou: float
    likeness: float
    close_iou: float
    close_agreement: float
    close_likeness: float


Evidence = WholeEvidence | FineEvidence


@dataclass(frozen=True, slots=True)
class Weighting:
    """A logistic model: log odds are an offset and weighted evidence."""

    offset: float
    weights: tuple[float, ...]

    def probability(self, evidence: Evidence) -> float:
        """Estimates the chance that the concept is there, 0..1."""
        odds = self.offset + sum(weight * value for weight, value in zip(self.weights, astuple(evidence)))
        return 1 / (1 + math.exp(-odds)) if odds > -500 else 0.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of one model's evidence.

    Attributes:
        whole: weights of :class:`WholeEvidence`.
        fine: weights of :class:`FineEvidence`.
        thresholds: pairs of a share of false alarms and the probability from which there are no more, ascending.
    """

    whole: Weighting
    fine: Weighting
    thresholds: tuple[tuple[float, float], ...]

    def probability(self, evidence: Evidence) -> float:
        """Estimates the chance that the concept is where the evidence comes from, 0..1."""
        return (self.whole if isinstance(evidence, WholeEvidence) else self.fine).probability(evidence)

    def threshold(self, max_false_alarms: float) -> float:
        """Finds the probability from which no more false alarms are to be expected than this share."""
        shares, values = zip(*self.thresholds)
        share = min(max(max_false_alarms, shares[0]), shares[-1])
        return float(np.interp(math.log(share), np.log(shares), values))


def calibration_of(model: Segmenter) -> Calibration | None:
    """Returns what was fitted for a model's very weights; None for others, whose scores are no probabilities."""
    return _shipped().get(model.checkpoint_sha256)


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Calibration]:
    path = files("vos.weights").joinpath(FILE)
    if not path.is_file():
        return {}
    told = json.loads(path.read_text(encoding="utf-8"))
    return {one["sha256"]: read_calibration(one) for one in told["models"]}


def read_calibration(told: Mapping[str, Any]) -> Calibration:
    """Makes a calibration of one model's entry in the file."""
    whole, fine = (
        Weighting(told[name]["offset"], tuple(told[name]["weights"][field] for field in kind.__dataclass_fields__))
        for name, kind in (("whole", WholeEvidence), ("fine", FineEvidence))
    )
    pairs: Sequence[Sequence[float]] = told["thresholds"]
    return Calibration(whole, fine, tuple((float(share), float(value)) for share, value in pairs))
