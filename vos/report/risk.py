"""The chance that a mask is wrong, estimated from its signs, and which of them say so."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from typing_extensions import Self

from vos.report.reasons import NAMED_FROM
from vos.report.signs import NAMES, Signs

MODEL = "frames_to_check.json"  # in vos/weights; ``make calibrate`` writes it
WRONG = 0.3  # IoU with the truth, below which a mask is
NOTABLE = 0.25  # share of what speaks against a mask, from which a sign is named


@dataclass(frozen=True, slots=True)
class RiskModel:
    """A logistic model of the chance that a mask is wrong: that its IoU with the truth is below :data:`WRONG`.

    Attributes:
        offset: what speaks against every mask.
        weights: of each sign, in the order of :data:`vos.report.signs.NAMES`; none is negative.
        usual: mean of each sign over the frames that the model was fitted to.
    """

    offset: float
    weights: tuple[float, ...]
    usual: tuple[float, ...]

    @classmethod
    def of(cls, offset: float, weights: Sequence[float], usual: Sequence[float]) -> Self:
        """Makes a model of numbers in the order of the signs."""
        return cls(offset, tuple(weights), tuple(usual))

    def doubt(self, signs: Signs) -> float:
        """Estimates the chance that the mask is wrong, 0..1."""
        against = self.offset + sum(weight * value for weight, value in zip(self.weights, signs.values()))
        return 1 / (1 + math.exp(-against))

    def reasons(self, signs: Signs) -> tuple[str, ...]:
        """Names the one or two signs that speak most against the mask, beyond what is usual."""
        against = [
            max(0.0, weight * (value - usual)) if value > NAMED_FROM.get(name, 0.0) else 0.0
            for name, weight, value, usual in zip(NAMES, self.weights, signs.values(), self.usual)
        ]
        total = sum(against)
        named = sorted(zip(against, NAMES), key=lambda one: -one[0])[:2]
        return tuple(name for share, name in named if total and share >= NOTABLE * total)


@lru_cache(maxsize=1)
def shipped_model() -> RiskModel:
    """Reads the model that travels with the package."""
    told = json.loads(files("vos.weights").joinpath(MODEL).read_text(encoding="utf-8"))
    rows = told["signs"]
    return RiskModel.of(told["offset"], [rows[n]["weight"] for n in NAMES], [rows[n]["usual"] for n in NAMES])
