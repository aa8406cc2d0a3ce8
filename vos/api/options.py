"""Options as Python gives them: keywords, and others by their dotted names, checked as on the command line."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import PurePath
from typing import Any, TypeVar

import numpy as np

from vos.errors import VosError
from vos.option_names import explain_gone, near_matches, options
from vos.sam.registry import load_model
from vos.sam.segmenter import Segmenter
from vos.video.config import VideoConfig

T = TypeVar("T")
_WORDS: dict[type, str] = {
    int: "Integer",
    float: "Float",
    bool: "Boolean",
    str: "String",
}  # as the command line says it


def given_options(model: str | Segmenter, given: Mapping[str, object] | None) -> dict[str, object]:
    """Joins the ``model=`` and ``options=`` of a caller, by dotted name.

    Raises:
        VosError: the one is no model and no name, or the other no dictionary of names.
    """
    if not isinstance(model, (str, Segmenter)):
        raise VosError(f"model={model} is neither a name nor a model; give a name such as nano, or a vos.Segmenter")
    if not isinstance(given or {}, Mapping) or not all(isinstance(name, str) for name in given or {}):
        raise VosError(f'options={given} is not understood; give names and values: {{"tracker.memory.momentum": 0.8}}')
    return {
        "model.name": model if isinstance(model, str) else model.name,
        **{n: _plain(v) for n, v in (given or {}).items()},
    }


def chosen_model(model: str | Segmenter, config: VideoConfig) -> Segmenter:
    """Returns the ``model=`` of a caller: itself, or as the config says where it is a name.

    Raises:
        VosError: options say how to load a model that is loaded already, and otherwise.
    """
    if isinstance(model, Segmenter):
        own = {"device": str(model.device), "precision": model.precision, "engine": model.engine, "checkpoint": ""}
        for name, there in own.items():
            wanted = getattr(config, name)
            if wanted not in (None, "auto", "") and not there.startswith(wanted):
                told = f"is loaded already, with {name}={there}" if there else "is loaded already"
                raise VosError(f"{name}={wanted}: the model that was given {told}; leave it out, or give a name")
        return model
    return load_model(config.model, config.checkpoint, config.device, config.precision, config.engine)


def _plain(value: object) -> object:
    """Returns NumPy's numbers and paths as files of settings have them."""
    if isinstance(value, np.generic):
        return typing.cast(object, value.item())
    return str(value) if isinstance(value, PurePath) else value


def configured(config: T, values: Mapping[str, object]) -> T:
    """Returns a config with other values of some options.

    Args:
        config: an instance of a config dataclass, which stays as it is.
        values: by dotted name, such as ``{"tracker.memory.momentum": 0.8}``. A group itself takes the name of a choice:
            ``{"tracker": "published"}``.

    Raises:
        VosError: there is no such option, or the value has the wrong type or is out of range.
    """
    known = dict(options(type(config)))
    for name, value in values.items():
        is_choice = name in known and is_dataclass(known[name]) and isinstance(value, str)
        if (name not in known or is_choice) and (told := explain_gone(name, str(value))) is not None:
            raise VosError(told)
        if name not in known:
            hint = near_matches(name, known) or "docs/options.md lists all options"
            raise VosError(f"there is no option {name}; {hint}")
        if is_dataclass(known[name]) and not is_choice:
            example = f"{name}.{fields(known[name])[0].name}"
            raise VosError(f"{name}={value}: this is a group of options; give them as {example}=...")
        full = f"{name}.name" if is_choice else name
        config = _changed(config, full.split("."), _converted(value, known[full], name))
    return config


def _changed(config: T, path: list[str], value: object) -> T:
    head, *rest = path
    new = _changed(getattr(config, head), rest, value) if rest else value
    return typing.cast(T, replace(typing.cast(Any, config), **{head: new}))


def _converted(value: object, hint: Any, name: str) -> object:
    """Returns the value as its option has it: a whole number will do for another one."""
    value = _plain(value)
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
