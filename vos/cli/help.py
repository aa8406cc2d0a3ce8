"""What ``--help`` says: the comments beside the options, which have no other home."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from vos.cli.options import choices
from vos.limits import ProgramConfig

TERMS = "Code: Apache-2.0 (LICENSE). Embedded weights, model=nano: not for commercial products, see NOTICE."
FLAGS = (
    ("-m", "values with commas: one run for every combination"),
    ("--json", "says one JSON object in the end (state, frames, seconds, outputs), and nothing else"),
    ("--quiet", "says warnings and errors alone"),
    ("--version", "says which one this is"),
)
EXIT_CODES = "Exit codes: 0 done, 2 a mistake of the user's, 3 some of it failed, 130 interrupted (Ctrl-C)."


def help_text(schema: type[ProgramConfig], usage: str, everything: bool = True) -> str:
    """Writes usage and a table of options with their defaults and the comments beside them in their dataclass.

    Args:
        schema: of the program.
        usage: examples.
        everything: all options in the order of their definitions; otherwise those of ``schema.MAIN``, in its order.
    """
    rows = {}
    for name, default, comment in describe(schema):
        group = name.removesuffix(".name")
        if group != name and choices(group):
            name, comment = group, " | ".join(choices(group))
        rows[name] = (f"{name}={_as_typed(default)}", comment.replace("None", "null"))
    shown = rows if everything else {name: rows[name] for name in schema.MAIN.split()}
    options, flags = _aligned(shown.values()), _aligned(FLAGS)
    rest = "" if everything else f"\n  and {len(rows) - len(shown)} more: --help-all"
    return f"{usage.strip()}\n\nOptions (name=default):\n{options}{rest}\n\n{flags}\n{EXIT_CODES}\n\n{TERMS}\n"


def _aligned(rows: Iterable[tuple[str, str]]) -> str:
    rows = list(rows)
    width = max(len(word) for word, _ in rows)
    return "\n".join(f"  {word:<{width}}  {meaning}" for word, meaning in rows)


def describe(schema: type, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Lists every option of a config dataclass as (dotted name, default, the comment beside it in the source)."""
    sources = "".join(inspect.getsource(part) for part in schema.__mro__ if is_dataclass(part))
    comments = dict(re.findall(r"^    (\w+): .*?  # (.*)$", sources, re.MULTILINE))
    defaults = schema()
    for item in fields(schema):
        value = getattr(defaults, item.name)
        if is_dataclass(value):
            yield from describe(type(value), f"{prefix}{item.name}.")
        else:
            yield prefix + item.name, value, comments.get(item.name, "")


def _as_typed(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_as_typed, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
