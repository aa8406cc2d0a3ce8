"""Every numeric option has limits, and what lies beyond them is refused in one line."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from vos.cli.compose import compose
from vos.cli.config import AlbumConfig, ConceptConfig, RunConfig
from vos.errors import VosError
from vos.evaluation.config import EvaluateConfig
from vos.limits import Checked
from vos.persam.persam_f import FinetuneConfig

SCHEMAS: dict[str, type] = {
    "run": RunConfig, "album": AlbumConfig, "concept": ConceptConfig, "evaluate": EvaluateConfig
}  # fmt: skip


def numbers(schema: type, prefix: str = "") -> Iterator[tuple[str, type, str]]:
    """Every option that holds one number, as (dotted name, the dataclass that it stands in, its own name)."""
    hints = typing.get_type_hints(schema)
    for item in fields(schema):
        hint = hints[item.name]
        if is_dataclass(hint):
            yield from numbers(typing.cast(type, hint), f"{prefix}{item.name}.")
        elif {int, float} & {hint, *typing.get_args(hint)} and typing.get_origin(hint) is not list:
            yield prefix + item.name, schema, item.name


ALL = [(command, *one) for command, schema in SCHEMAS.items() for one in numbers(schema)]


@pytest.mark.parametrize(("command", "option", "group", "name"), ALL)
def test_what_is_no_number_or_beyond_the_limits_is_refused(command: str, option: str, group: type, name: str) -> None:
    assert issubclass(group, Checked)
    limits = group.limits_of(name)
    assert limits is not None, f"{option} has no limits"
    assert option == (f"{group.GROUP}{name}" if group.GROUP else name)
    for value in (float("nan"), float("inf"), -float("inf"), limits[0] - 1, limits[1] * 2 + 1, True):
        with pytest.raises(VosError, match=option):
            group(**{name: value})


@pytest.mark.parametrize(
    "word", ["tracker.memory.momentum=nan", "tracker.points=-1", "model.input_size=100000", "threads=0"]
)
def test_the_command_line_says_so_in_one_line(word: str) -> None:
    with pytest.raises(VosError, match=f"^{word} is outside of [^\n]*; the default is [^\n]*$"):
        compose([word], "run", RunConfig)


def test_a_value_in_the_place_of_a_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "home")
    with pytest.raises(
        VosError, match=r"tracker\.memory=\$\{oc.env:HOME\}: this is a group of options; .*tracker\.memory\.enabled="
    ):
        compose(["tracker.memory=${oc.env:HOME}"], "run", RunConfig)


def test_limits_belong_to_options() -> None:
    groups = {group for _, _, group, _ in ALL} | {FinetuneConfig}
    for group in groups:
        named = {
            name for part in group.__mro__ for names in vars(part).get("LIMITS", {}).values() for name in names.split()
        }
        assert named <= {item.name for item in fields(group)}


@pytest.mark.parametrize("given", [{"steps": 0}, {"steps": float("nan")}, {"learning_rate": -1}, {"steps": "many"}])
def test_finetune_has_limits_too(given: dict[str, object]) -> None:
    with pytest.raises(VosError, match=r"tracker\.finetune.*outside of"):
        FinetuneConfig.parse(given)
