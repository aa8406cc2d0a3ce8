"""The names of options: listed, checked and quoted as users type them."""

from __future__ import annotations

import os
import re
import typing
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

import vos
from vos.errors import VosError
from vos.io.remote import is_remote, local_copy
from vos.limits import ProgramConfig
from vos.option_names import explain_gone, known_options, near_matches

_ENTRY = re.compile(r"""["']?(\w+)["']?\s*:\s*("[^"]*"|'[^']*'|[^,{}]+)(?=\s*[,}])""")  # of {1: rex, 2: ball}
_TEXT = r"""'(?:[^'\\]|\\.)*'"""
_TEXTS = re.compile(rf"\[{_TEXT}(,{_TEXT})*\]")  # as list_option writes them
PATHS = (
    *("video", "images", "ref_image", "ref_mask", "concept", "prompts", "checkpoint", "prompt_checkpoint", "results"),
    *("manifest", "inputs", "folder"),
    *("root", "output_dir", "out", "log_file", "background"),
)


def config_folder() -> Path:
    """Finds the folder of ``run.yaml``: ``vos/conf`` where vos is installed, ``conf`` beside ``vos`` in a checkout."""
    package = Path(vos.__file__).resolve().parent
    return next(folder for folder in (package / "conf", package.parent / "conf") if (folder / "run.yaml").exists())


@lru_cache
def choices(group: str) -> tuple[str, ...]:
    """Lists the names in a config group, e.g. "tracker"; empty if there is no such group."""
    folder = config_folder() / group
    if not folder.is_dir():
        return ()
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def check(word: str, schema: type) -> None:
    """Raises a VosError that names near matches if ``word`` is not ``option=value``."""
    key, equals, value = word.partition("=")
    known, group = known_options(schema), choices(key)
    if not equals:
        raise VosError(f"{word} is not understood; options are written as name=value (--help-all lists them)")
    unknown = [value] if key not in known else [v for v in value.split(",") if group and v not in (*group, "null")]
    for one in unknown:
        if (told := explain_gone(key, one)) is not None:
            raise VosError(told)
    if key not in known:
        raise VosError(f"there is no option {key}; {near_matches(key, known) or '--help-all lists all options'}")
    if group and value not in group and re.fullmatch(r"[\w.-]+|[\[{$].*", value):
        raise VosError(f"{word} is unknown; choose one of {', '.join(group)}")
    if is_dataclass(known[key]) and not group and not value.startswith("{"):
        raise VosError(f"{word}: this is a group of options; give them as {key}.{fields(known[key])[0].name}=...")


def bare_words(words: Sequence[str], schema: type[ProgramConfig]) -> list[str]:
    """Finds the words that are values of the option ``schema.BARE``, without its name: paths, perhaps with a sign =."""
    options: type = schema  # as mypy takes it for something to remember by
    known = known_options(options)
    named = [word for word in words if word.startswith("-") or word.partition("=")[0] in known]
    is_path = {word: "=" not in word or os.path.exists(word) for word in words}  # noqa: PTH110
    return [word for word in words if schema.BARE and word not in named and is_path[word]]


def list_option(name: str, values: Sequence[str]) -> str:
    """Writes a list of texts for Hydra's parser."""
    return f"{name}=[{','.join(map(_quote, values))}]"


def paths(option: Sequence[str] | None) -> list[Path]:
    """Reads the paths in an option that holds one, several or none; of files elsewhere those of their copies.

    Raises:
        VosError: one elsewhere cannot be copied.
    """
    return [local_copy(name) if is_remote(name) else Path(name) for name in option or ()]


def at_home(config: Any) -> Any:
    """Writes out ``~`` at the beginning of every path in a config, in place; a file of that very name stays itself."""
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            at_home(value)
        elif item.name in PATHS and isinstance(value, (str, list)):
            found = _expanded(value) if isinstance(value, str) else [_expanded(name) for name in value]
            setattr(config, item.name, found)
    return config


def _expanded(name: str) -> str:
    if not name.startswith("~"):
        return name
    with suppress(RuntimeError):  # no user of that name
        if not os.path.lexists(name):
            return str(Path(name).expanduser())
    return str(Path.cwd() / name)


def quoted(word: str, schema: type, sweep: bool = False) -> str:
    """Quotes the value of ``key=value`` for Hydra's parser where it is text, so that paths work as typed.

    Blanks, brackets, commas and equals signs are syntax to Hydra. The value of a text option is taken as it stands, in
    a sweep only if there is a file of that name. Lists are quoted by item, and their brackets may be left out; in a
    sweep, commas without brackets then separate lists of one. What stands in braces is quoted where Hydra reads no
    text in it: names in letters that are not English, ids in quotes.
    """
    key, equals, value = word.partition("=")
    if not equals or re.fullmatch(r"'.*'|\".*\"", value) or value == "null" or choices(key):
        return word
    if _TEXTS.fullmatch(value):
        return word
    hint = known_options(schema).get(key)
    if value.startswith("{"):
        _refuse_twins(word, [entry[1] for entry in _ENTRY.finditer(value)])
    if value.startswith("{") and not _parses(word):
        word = f"{key}={_ENTRY.sub(lambda entry: f'{entry[1]}: {_quote(entry[2].strip())}', value)}"
    exists = os.path.exists(value)  # noqa: PTH110 - false, too, where one may not look, or for a long list of names
    if (items := items_of(hint)) is None:
        is_text, is_number = str in _alternatives(hint), re.fullmatch(r"[+-]?\d+", value) is not None
        literal = (exists and (is_text or not is_number)) or (is_text and not sweep) or not _parses(word)
        return f"{key}={_quote(value)}" if literal else word
    if value.startswith("[") and value.endswith("]") and not exists:
        if items is not str or (sweep and _parses(word)):
            return word
        value = value[1:-1]
    parts = [value] if exists else [part.strip() for part in value.split(",")] if value.strip() else []
    written = [_quote(part) if items is str else part for part in parts]
    return f"{key}=" + (",".join(f"[{part}]" for part in written) if sweep else f"[{','.join(written)}]")


def items_of(hint: Any) -> Any:
    """Returns what a list option holds; None for an option that is no list."""
    return next((typing.get_args(part)[0] for part in _alternatives(hint) if typing.get_origin(part) is list), None)


def _refuse_twins(word: str, keys: Sequence[str]) -> None:
    if twins := [key for key in keys if keys.count(key) > 1]:
        raise VosError(f"{word} says {twins[0]} twice; leave one of them out")


def _alternatives(hint: Any) -> tuple[Any, ...]:
    is_union = isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union
    return typing.get_args(hint) if is_union else (hint,)


def _parses(word: str) -> bool:
    try:
        OverridesParser.create().parse_override(word)
    except HydraException:
        return False
    return True


def _quote(value: str) -> str:
    if re.fullmatch(r"'.*'|\".*\"", value):
        return value
    # A backslash is literal inside quotes unless a quote follows it; "${" would be an interpolation.
    value = re.sub(r"(\\*)'", r"\1\1\\'", value)
    value = re.sub(r"(\\+)$", r"\1\1", value)
    return "'" + value.replace("${", r"\${") + "'"
