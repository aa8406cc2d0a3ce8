"""The dotted names of options, and of those that are gone, for the command line and Python alike. Loads no torch."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

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
RENAMED: dict[str, str] = {  # old name or its beginning -> new name or beginning
    "tracker.memory.guard": "tracker.memory.background_filter",
    "tracker.motion.reach": "tracker.motion.gate",
    "tracker.motion.patience": "tracker.motion.max_age",
    "tracker.presence.unseen_similarity": "tracker.presence.new_scene_similarity",
    "tracker.presence.cuts": "tracker.presence.scene_cuts",
    "tracker.adapt.questions": "tracker.adapt.samples",
    "method.closeup": "method.crop_refinement",
    "matte_format": "matte.format",
}


def options(schema: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Lists every option of a config dataclass as (dotted name, type), nested ones and config groups included."""
    hints = typing.get_type_hints(schema)
    for item in fields(schema):
        hint = hints[item.name]
        yield prefix + item.name, hint
        if is_dataclass(hint):
            yield from options(typing.cast(type, hint), f"{prefix}{item.name}.")


@lru_cache
def known_options(schema: type) -> Mapping[str, Any]:
    """Returns the types of all options of a config dataclass by their dotted names, found once."""
    return MappingProxyType(dict(options(schema)))


def near_matches(key: str, known: Collection[str]) -> str | None:
    """Asks whether options with a name like ``key`` were meant; None where there are none."""
    leaves = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
    near = list(dict.fromkeys(leaves + difflib.get_close_matches(key, known, n=3, cutoff=0.6)))
    return f"did you mean {' or '.join(near)}?" if near else None


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
