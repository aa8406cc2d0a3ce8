"""Options by keyword and by dotted name: those of the command line, with its errors."""

from __future__ import annotations

import pytest

import vos
from vos.api.options import configured
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
