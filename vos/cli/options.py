"""The names of options: listed, checked and quoted as users type them."""

from __future__ import annotations

import difflib
import os
import re
import typing
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

import vos
from vos.errors import VosError

# An option, the beginning of options ("tracker.zoom."), or a choice ("tracker=reference") -> what to do instead. Only
# words that are no longer understood are looked up; the longest entry that fits is told.
RETIRED: dict[str, str] = {
    "tracker.hypotheses.": "several histories of an object brought no better masks; leave it out",
    "tracker.choice.": "a choice among the decoder's three masks brought worse ones than its single mask; leave it out",
    "tracker.zoom.": "decoding small objects again in a crop brought no better masks; try model.input_size=896",
    "tracker.flips": "the mirrored frame took almost three times the work for no better masks; leave it out",
    "tracker.second_pass.": "a second pass took twice the time for no better masks; give one more mask instead",
    "tracker.negatives": "negative points brought no better masks; leave it out",
    "tracker.motion.flow": "optical flow brought no better masks than the object's own velocity; leave it out",
    "tracker.memory.rivals": "views of look-alikes brought no better masks; leave it out",
    "tracker.motion.velocity": "it always moves the prior; tracker.motion.velocity_momentum averages it",
    "tracker.motion.window": "objects in sight are always decoded in windows; tracker.motion.gate=0 is without them",
    "tracker.motion.second_chance": "an object that is missed is always searched everywhere at once; leave it out",
    "tracker.others": "the decoder is always told where the other objects are; leave it out",
    "tracker=reference": "write tracker=published",
    "method=persam_reference": "write method=persam_published",
}
PATHS = (
    *("video", "images", "ref_image", "ref_mask", "concept", "checkpoint", "results", "root"),
    *("output_dir", "out", "log_file"),
)
RENAMED: dict[str, str] = {  # old name or its beginning -> new name or beginning
    "tracker.memory.guard": "tracker.memory.background_filter",
    "tracker.motion.reach": "tracker.motion.gate",
    "tracker.motion.patience": "tracker.motion.max_age",
    "tracker.presence.unseen_similarity": "tracker.presence.new_scene_similarity",
    "tracker.presence.cuts": "tracker.presence.scene_cuts",
    "tracker.adapt.questions": "tracker.adapt.samples",
    "method.closeup": "method.crop_refinement",
}


def config_folder() -> Path:
    """Finds the folder of ``run.yaml``: ``vos/conf`` where vos is installed, ``conf`` beside ``vos`` in a checkout."""
    package = Path(vos.__file__).resolve().parent
    return next(folder for folder in (package / "conf", package.parent / "conf") if (folder / "run.yaml").exists())


def options(schema: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Lists every option of a config dataclass as (dotted name, type), nested ones and config groups included."""
    hints = typing.get_type_hints(schema)
    for item in fields(schema):
        hint = hints[item.name]
        yield prefix + item.name, hint
        if is_dataclass(hint):
            yield from options(typing.cast(type, hint), f"{prefix}{item.name}.")


def choices(group: str) -> list[str]:
    """Lists the names in a config group, e.g. "tracker"; empty if there is no such group."""
    folder = config_folder() / group
    if not folder.is_dir():
        return []
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def check(word: str, schema: type) -> None:
    """Raises a VosError that names near matches if ``word`` is not ``option=value``."""
    key, equals, value = word.partition("=")
    known, group = dict(options(schema)), choices(key)
    if not equals:
        raise VosError(f"{word} is not understood; options are written as name=value (--help-all lists them)")
    unknown = [value] if key not in known else [v for v in value.split(",") if group and v not in (*group, "null")]
    for one in unknown:
        if (told := explain_gone(key, one)) is not None:
            raise VosError(told)
    if key not in known:
        leaves = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
        near = list(dict.fromkeys(leaves + difflib.get_close_matches(key, known, n=3, cutoff=0.6)))
        hint = f"did you mean {' or '.join(near)}?" if near else "--help-all lists all options"
        raise VosError(f"there is no option {key}; {hint}")
    if group and value not in group and re.fullmatch(r"[\w.-]+|[\[{$].*", value):
        raise VosError(f"{word} is unknown; choose one of {', '.join(group)}")
    if is_dataclass(known[key]) and not group and not value.startswith("{"):
        raise VosError(f"{word}: this is a group of options; give them as {key}.{fields(known[key])[0].name}=...")


def explain_gone(key: str, value: str) -> str | None:
    """Says in one line what became of an option or a choice that is not understood; None where it never was one."""
    typed = f"{key}={value}"
    found = max((name for name in RETIRED if _fits(name, typed)), key=len, default=None)
    if found is not None:
        return f"{typed if '=' in found else key} is gone since 0.4.0: {RETIRED[found]}"
    found = max((name for name in RENAMED if key.startswith(name)), key=len, default=None)
    if found is not None:
        return f"{key} has another name since 0.4.0; write {RENAMED[found]}{key[len(found) :]}={value}"
    return None


def _fits(name: str, typed: str) -> bool:
    """Begins with a prefix that ends in a dot, or is the option or the choice itself."""
    return typed.startswith(name) if name.endswith(".") else typed == name or typed.startswith(f"{name}=")


def paths(option: Sequence[str] | None) -> list[Path]:
    """Reads the paths in an option that holds one, several or none."""
    return [Path(name) for name in option or ()]


def pairs(images: Sequence[str] | None, masks: Sequence[str] | None) -> tuple[list[Path], list[Path]]:
    """Reads ``ref_image=`` and ``ref_mask=``.

    Raises:
        VosError: there are more of one than of the other.
    """
    photos, given = paths(images), paths(masks)
    if len(photos) != len(given):
        raise VosError(f"{len(photos)} photos in ref_image= but {len(given)} masks in ref_mask=; give one per photo")
    return photos, given


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
    sweep, commas without brackets then separate lists of one.
    """
    key, equals, value = word.partition("=")
    if not equals or re.fullmatch(r"'.*'|\".*\"", value) or value == "null" or choices(key):
        return word
    hint = dict(options(schema)).get(key)
    exists = os.path.exists(value)  # noqa: PTH110 - false, too, where one may not look, or for a long list of names
    if (items := _items(hint)) is None:
        is_text, is_number = str in _alternatives(hint), re.fullmatch(r"[+-]?\d+", value) is not None
        literal = (exists and (is_text or not is_number)) or (is_text and not sweep) or not _parses(word)
        return f"{key}={_quote(value)}" if literal else word
    if value.startswith("[") and value.endswith("]") and not exists:
        if items is not str or (sweep and _parses(word)):
            return word
        value = value[1:-1]
    parts = [value] if exists else [part.strip() for part in value.split(",")]
    written = [_quote(part) if items is str else part for part in parts]
    return f"{key}=" + (",".join(f"[{part}]" for part in written) if sweep else f"[{','.join(written)}]")


def _alternatives(hint: Any) -> tuple[Any, ...]:
    is_union = isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union
    return typing.get_args(hint) if is_union else (hint,)


def _items(hint: Any) -> Any:
    """Returns what a list option holds; None for an option that is no list."""
    return next((typing.get_args(part)[0] for part in _alternatives(hint) if typing.get_origin(part) is list), None)


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
