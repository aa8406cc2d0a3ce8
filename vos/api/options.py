"""Options as Python gives them: keywords, and others by their dotted names, checked as on the command line."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from vos.errors import VosError

T = TypeVar("T")
_WORDS: dict[type, str] = {
    int: "Integer",
    float: "Float",
    bool: "Boolean",
    str: "String",
}  # as the command line says it


def configured(config: T, values: Mapping[str, object]) -> T:
    """Returns a config with other values of some options.

    Args:
        config: an instance of a config dataclass, which stays as it is.
        values: by dotted name, such as ``{"tracker.memory.momentum": 0.8}``. A group itself takes the name of a choice:
            ``{"tracker": "published"}``.

    Raises:
        VosError: there is no such option, or the value has the wrong type or is out of range.
    """
    for name, value in values.items():
        config = _changed(config, name.split("."), value, name)
    return config


def _changed(config: T, path: list[str], value: object, name: str) -> T:
    head, *rest = path
    hint = typing.get_type_hints(type(config)).get(head)
    if hint is None or (rest and not is_dataclass(hint)):
        raise _unknown(name, config)
    if is_dataclass(hint):
        if not rest and isinstance(value, str):
            rest = ["name"]
        elif not rest:
            example = f"{name}.{fields(hint)[0].name}"
            raise VosError(f"{name}={value}: this is a group of options; give them as {example}")
        new = _changed(getattr(config, head), rest, value, name)
    else:
        new = _converted(value, hint, name)
    return typing.cast(T, replace(typing.cast(Any, config), **{head: new}))


def _converted(value: object, hint: Any, name: str) -> object:
    """Returns the value as its option has it: a whole number will do for another one."""
    kinds = typing.get_args(hint) or (hint,)
    plain = [kind for kind in kinds if kind in _WORDS]
    if Any in kinds or (value is None and type(None) in kinds) or type(value) in plain:
        return value
    if not plain:
        return value  # a list: checked by whoever reads it
    if float in plain and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if value is None:
        raise VosError(f"{name}: field '{name}' is not Optional")
    raise VosError(
        f"{name}: Value '{value}' of type '{type(value).__name__}' could not be converted to {_WORDS[plain[0]]}"
    )


def _unknown(name: str, config: object) -> VosError:
    known = list(_names(type(config)))
    top = typing.cast(str, getattr(config, "GROUP", ""))
    leaf = name.rpartition(".")[2]
    near = [f"{top}{one}" for one in known if one.rpartition(".")[2] == leaf]
    near += difflib.get_close_matches(name, [f"{top}{one}" for one in known], n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else "docs/options.md lists all options"
    return VosError(f"there is no option {name}; {hint}")


def _names(schema: type, prefix: str = "") -> Iterator[str]:
    hints = typing.get_type_hints(schema)
    for item in fields(schema):
        yield prefix + item.name
        if is_dataclass(hints[item.name]):
            yield from _names(typing.cast(type, hints[item.name]), f"{prefix}{item.name}.")
