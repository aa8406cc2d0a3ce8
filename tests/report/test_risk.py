"""The model of doubt: how it judges, which sign it names, what the shipped one was fitted to."""

from __future__ import annotations

import hashlib
import json
import math
from importlib.resources import files

import pytest

from vos.report.reasons import NOTHING, why
from vos.report.risk import MODEL, RiskModel, shipped_model
from vos.report.signs import NAMES, Signs


def model(**weights: float) -> RiskModel:
    return RiskModel(-2.0, tuple(weights.get(name, 0.0) for name in NAMES), (0.0,) * len(NAMES))


def test_doubt_is_the_logistic_function() -> None:
    assert model().doubt(Signs()) == pytest.approx(1 / (1 + math.exp(2)))
    assert model(unsure=4.0).doubt(Signs(unsure=0.5)) == pytest.approx(0.5)


def test_the_signs_that_weigh_most_are_named() -> None:
    own = model(unsure=1.0, shrank=2.0, apart=0.1)
    assert own.reasons(Signs(unsure=0.9, shrank=0.9, apart=0.5)) == ("shrank", "unsure")
    assert own.reasons(Signs(unsure=0.1, shrank=0.9)) == ("shrank",)
    assert own.reasons(Signs()) == ()


def test_what_is_usual_is_not_named() -> None:
    usual = tuple(0.3 if name == "unsure" else 0.0 for name in NAMES)
    own = RiskModel(0.0, (1.0,) * len(NAMES), usual)
    assert own.reasons(Signs(unsure=0.3, apart=0.1)) == ("apart",)


def test_the_shipped_model_belongs_to_the_shipped_weights() -> None:
    told = json.loads(files("vos.weights").joinpath(MODEL).read_text(encoding="utf-8"))
    weights = files("vos.weights").joinpath("nano.safetensors").read_bytes()
    assert told["model"] == {"name": "nano", "sha256": hashlib.sha256(weights).hexdigest()}
    assert tuple(told["signs"]) == NAMES
    assert min(shipped_model().weights) > 0  # more of a sign is never better


@pytest.mark.parametrize(
    ("name", "signs", "words"),
    [
        ("shrank", Signs(shrank=math.log(2.5)), "the area fell by 60 %"),
        ("grew", Signs(grew=math.log(3)), "the area grew by 200 %"),
        ("unsure", Signs(unsure=0.45), "predicted IoU is 0.55"),
        ("fell", Signs(unsure=0.45, fell=0.4), "predicted IoU fell from 0.95 to 0.55"),
        ("missed", Signs(absent=1, missed=math.log(13)), "it has not been found for 12 frames"),
        ("lost", Signs(lost=1), "it is lost here"),
        ("deformed", Signs(deformed=0.55), "the shape changed: IoU with the mask before, moved along, is 0.45"),
    ],
)
def test_reasons_are_plain_words(name: str, signs: Signs, words: str) -> None:
    assert why([name], signs) == words


def test_every_sign_has_words() -> None:
    every = [why([name], Signs()) for name in NAMES]
    assert len({*every, NOTHING}) == len(NAMES) + 1
    assert why([], Signs()) == NOTHING
    assert why(["unsure", "fell"], Signs(unsure=0.8, fell=0.5)) == "predicted IoU fell from 0.70 to 0.20"
