"""Writes docs/options.md: every option of the programs, its default and its meaning, from the config dataclasses.

    python tools/docs/options_page.py docs/options.md

What the page says is what ``--help-all`` says: change the comment beside the option, not the page.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection
from pathlib import Path

from vos.cli.config import AlbumConfig, AppConfig, BatchConfig, ConceptConfig, ConvertConfig, FindConfig, RunConfig
from vos.cli.help import help_text
from vos.evaluation.config import EvaluateConfig
from vos.limits import ProgramConfig

PROGRAMS: tuple[tuple[str, type[ProgramConfig]], ...] = (
    ("run", RunConfig),
    ("batch", BatchConfig),
    ("convert", ConvertConfig),
    ("evaluate", EvaluateConfig),
    ("album", AlbumConfig),
    ("find", FindConfig),
    ("concept", ConceptConfig),
    ("app", AppConfig),
)
HEAD = """# Options

Written by `make docs` from the options' own definitions; `python -m vos.run --help-all` prints the same. An option is
given as `name=value`, after `python -m vos.run` and the like; `null` is no value; a list is `[a,b]`. With `-m` commas
separate values, and there is one run for every combination.
"""

Rows = dict[str, tuple[str, str]]


def main() -> None:
    """Writes the page to the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path, help="the file to write, docs/options.md")
    parser.parse_args().page.write_text(page(), encoding="utf-8")


def page() -> str:
    """Puts the page together: a table of each program's own options, then one of each group that programs share."""
    programs = {name: rows(schema) for name, schema in PROGRAMS}
    parts = [HEAD]
    for name, options in programs.items():
        own = {option: row for option, row in options.items() if "." not in option}
        parts.append(f"## `python -m vos.{name}`\n\n{table(own)}")
    groups: dict[str, Rows] = {}
    for options in programs.values():
        for option, row in options.items():
            if "." in option:
                groups.setdefault(option.partition(".")[0], {}).setdefault(option, row)
    for group, options in groups.items():
        users = {name: all_of_it.keys() & options.keys() for name, all_of_it in programs.items()}
        shown = [f"`vos.{name}`{some_of(own, options)}" for name, own in users.items() if own]
        parts.append(f"## `{group}.`, of {', '.join(shown)}\n\n{table(options)}")
    return "\n".join(parts)


def some_of(own: Collection[str], options: Rows) -> str:
    """Lists the options of a group that a program has, where it lacks others."""
    return (
        "" if len(own) == len(options) else f" ({', '.join(name.partition('.')[2] for name in options if name in own)})"
    )


def rows(schema: type[ProgramConfig]) -> Rows:
    """Reads name, default and meaning of every option of one program from its ``--help-all``."""
    found = re.findall(r"^  ([\w.]+)=(.*?)(?:  +(\S.*))?$", help_text(schema, ""), re.MULTILINE)
    return {name: (default, meaning) for name, default, meaning in found}


def table(options: Rows) -> str:
    """Writes options as a Markdown table."""
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for name, (default, meaning) in options.items():
        lines.append(f"| `{name}` | `{default}` | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
