"""Options by keyword and by dotted name: those of the command line, with its errors."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fakes import ColourSegmenter

import vos
from vos.api.options import chosen_model, configured, given_options
from vos.cli.compose import compose
from vos.cli.config import RunConfig
from vos.video.config import VideoConfig


def test_dotted_names_set_what_they_name_and_nothing_else() -> None:
    default = VideoConfig()
    config = configured(default, {"tracker.memory.momentum": 1, "model.name": "vit_t", "tracker": "published"})
    assert config.tracker.memory.momentum == 1.0
    assert isinstance(config.tracker.memory.momentum, float)
    assert (config.model.name, config.tracker.name, config.tracker.memory.size) == ("vit_t", "published", 3)
    assert default == VideoConfig()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tracker.memory.momentum", 2.0),
        ("tracker.points", -1),
        ("every", 0),
        ("batch_size", 100000),
        ("tracker.points", "many"),
        ("model.memory_limit", "x"),
        ("tracker.memory.momentun", 0.5),
        ("momentum", 0.5),
        ("tracker.zoom.enabled", "true"),
        ("tracker.memory.guard", "0.5"),
        ("tracker", "reference"),
    ],
)
def test_errors_are_those_of_the_command_line(name: str, value: object) -> None:
    with pytest.raises(vos.VosError) as ours:
        configured(VideoConfig(), {name: value})
    with pytest.raises(vos.VosError) as theirs:
        compose([f"{name}={value}"], "run", RunConfig)
    assert str(ours.value).replace("docs/options.md", "--help-all") == str(theirs.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("tracker.memory", 0.5, "this is a group of options; give them as tracker.memory.enabled"),
        ("every", True, "Value 'True' of type 'bool' could not be converted to Integer"),
        ("batch_size", None, "not Optional"),
        ("device.name", "cpu", "there is no option device.name"),
        ("nonsense", 1, "docs/options.md lists all options"),
    ],
)
def test_other_mistakes_are_one_line(name: str, value: object, said: str) -> None:
    with pytest.raises(vos.VosError, match=said):
        configured(VideoConfig(), {name: value})


def test_numbers_of_numpy_and_paths_are_values_too() -> None:
    values = {"tracker.memory.momentum": np.float32(0.5), "every": np.int64(2), "checkpoint": Path("a.pth")}
    config = configured(VideoConfig(), values)
    assert (config.tracker.memory.momentum, config.every, config.checkpoint) == (0.5, 2, "a.pth")
    assert json.dumps(given_options("nano", values)) == (
        '{"model.name": "nano", "tracker.memory.momentum": 0.5, "every": 2, "checkpoint": "a.pth"}'
    )


@pytest.mark.parametrize("options", [["threads"], "tracker=published", {1: 2}])
def test_options_are_a_dictionary(options: object) -> None:
    for ask in (partial(vos.track, "clip.mp4", "mask.png"), partial(vos.Tracker, "mask.png")):
        with pytest.raises(vos.VosError, match="is not understood; give names and values"):
            ask(options=options)  # type: ignore[operator]


@pytest.mark.parametrize("model", [None, 5, vos.Segmenter])
def test_a_model_is_a_name_or_a_model(model: object) -> None:
    for ask in (partial(vos.track, "clip.mp4", "mask.png"), partial(vos.Tracker, "mask.png")):
        with pytest.raises(vos.VosError, match="is neither a name nor a model; give a name such as nano"):
            ask(model=model)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "device",
            "cuda:1",
            "device=cuda:1: the model that was given is loaded already, with device=cpu; leave it out",
        ),
        ("precision", "bfloat16", "precision=bfloat16: the model that was given is loaded already, with"),
        ("engine", "openvino", "engine=openvino: the model that was given is loaded already, with engine="),
        ("checkpoint", "my.pth", "checkpoint=my.pth: the model that was given is loaded already; leave"),
    ],
)
def test_a_model_that_is_loaded_is_not_loaded_otherwise(name: str, value: str, said: str) -> None:
    model = ColourSegmenter()
    same = {"device": "cpu", "engine": "auto", "precision": model.precision}
    assert chosen_model(model, configured(VideoConfig(), same)) is model
    with pytest.raises(vos.VosError) as caught:
        chosen_model(model, configured(VideoConfig(), {name: value}))
    assert str(caught.value).startswith(said)
