"""From the words on a command line to a checked config object, and from errors to exit codes.

The entry points share this. Hydra composes ``conf`` with the overrides; its own output folders, log files and
changes of the working directory stay off because only its compose function is used, and nothing is initialised
before :func:`compose` is called.
"""

from __future__ import annotations

import difflib
import inspect
import os
import re
import sys
import typing
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Generic, TypeVar

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

import vos
from vos.errors import VosError

T = TypeVar("T")

TERMS = "Code: Apache-2.0 (LICENSE). Embedded weights, model=nano: not for commercial products, see NOTICE."


@dataclass(frozen=True)
class Run(Generic[T]):
    """One run that the command line asks for.

    Attributes:
        config: an instance of the entry point's config dataclass.
        overrides: the words that tell this run of a sweep from the others, e.g. ("tracker.points=2",).
    """

    config: T
    overrides: tuple[str, ...] = ()


def compose(arguments: Sequence[str], config_name: str, schema: type[T]) -> list[Run[T]]:
    """Composes ``conf/<config_name>.yaml`` with the overrides in ``arguments``.

    Args:
        arguments: words of the form ``key=value``; ``-m`` (or ``--multirun``) among them makes every comma a sweep.
        config_name: the root config; its defaults list names ``schema``.
        schema: the dataclass that gives every option its type.

    Returns:
        One run, or with ``-m`` one for each combination, in Hydra's order.

    Raises:
        VosError: an unknown option or choice, or a value of the wrong type.
    """
    sweep = any(word in ("-m", "--multirun") for word in arguments)
    words = [quoted(word, schema, sweep) for word in arguments if word not in ("-m", "--multirun")]
    for word in words:
        check(word, schema)
    ConfigStore.instance().store(name="schema", node=schema)
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        try:
            parsed = OverridesParser.create().parse_overrides(words)
            swept = {override.key_or_group for override in parsed if override.is_sweep_override()}
            if swept and not sweep:
                raise VosError(f"{', '.join(sorted(swept))} has several values; sweep over them with -m")
            runs = []
            for combination in BasicSweeper.split_arguments(parsed, None)[0]:
                node = hydra_compose(config_name, overrides=combination)
                apart = tuple(word for word in combination if word.partition("=")[0] in swept)
                runs.append(Run(typing.cast(T, OmegaConf.to_object(node)), apart))
            return runs
        except (HydraException, OmegaConfBaseException) as error:
            raise VosError(_one_line(error)) from error


def config_folder() -> Path:
    """Finds the folder of ``run.yaml``: ``vos/conf`` where vos is installed, ``conf`` beside ``vos`` in a checkout."""
    package = Path(vos.__file__).resolve().parent
    return next(folder for folder in (package / "conf", package.parent / "conf") if (folder / "run.yaml").exists())


def options(schema: type, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every option of a config dataclass as (dotted name, type), nested ones and config groups included."""
    hints = typing.get_type_hints(schema)
    for item in fields(schema):
        hint = hints[item.name]
        yield prefix + item.name, hint
        if is_dataclass(hint):
            yield from options(typing.cast(type, hint), f"{prefix}{item.name}.")


def describe(schema: type, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Every option of a config dataclass as (dotted name, default, the comment beside it in the source)."""
    sources = "".join(inspect.getsource(part) for part in schema.__mro__ if is_dataclass(part))
    comments = dict(re.findall(r"^    (\w+): .*?  # (.*)$", sources, re.MULTILINE))
    defaults = schema()
    for item in fields(schema):
        value = getattr(defaults, item.name)
        if is_dataclass(value):
            yield from describe(type(value), f"{prefix}{item.name}.")
        else:
            yield prefix + item.name, value, comments.get(item.name, "")


def choices(group: str) -> list[str]:
    """The names in a config group, e.g. "tracker"; empty if there is no such group."""
    folder = config_folder() / group
    if not folder.is_dir():
        return []
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def check(word: str, schema: type) -> None:
    """Raises a VosError that names near matches if ``word`` is not ``option=value``."""
    key, equals, value = word.partition("=")
    known = [name for name, _ in options(schema)]
    if not equals:
        raise VosError(f"{word} is not understood; options are written as name=value (--help lists them)")
    if key not in known:
        leaves = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
        near = list(dict.fromkeys(leaves + difflib.get_close_matches(key, known, n=3, cutoff=0.6)))
        hint = f"did you mean {' or '.join(near)}?" if near else "--help lists all options"
        raise VosError(f"there is no option {key}; {hint}")
    group = choices(key)
    if group and re.fullmatch(r"[\w.-]+", value) and value not in group:
        raise VosError(f"{word} is unknown; choose one of {', '.join(group)}")


def quoted(word: str, schema: type, sweep: bool = False) -> str:
    """Quotes the value of ``key=value`` for Hydra's parser where it is text, so that paths work as typed.

    Blanks, brackets, commas and equals signs are syntax to Hydra. The value of a text option is taken as it stands
    (in a sweep only if there is a file of that name), any other one if it does not parse. Lists are quoted by item,
    and their brackets may be left out.
    """
    key, equals, value = word.partition("=")
    if not equals or re.fullmatch(r"'.*'|\".*\"", value) or value == "null":
        return word
    hint = dict(options(schema)).get(key)
    if _is_list(hint) and not value.startswith("[") and not sweep:
        return f"{key}=[{value}]"
    exists = os.path.exists(value)  # noqa: PTH110 - false, too, where one may not look, or for a long list of names
    is_text = _is_text(hint)
    numeric = re.fullmatch(r"[+-]?\d+", value) is not None
    if (exists and not (numeric and not is_text)) or (is_text and not sweep) or not _parses(word):
        if value.startswith("[") and value.endswith("]") and not exists and not is_text:
            return f"{key}=[{','.join(_quote(item.strip()) for item in value[1:-1].split(','))}]"
        return f"{key}={_quote(value)}"
    return word


def output_folder(run: Run[Any], name: str, source: str) -> Path:
    """Where a run writes: ``output_dir``, or outputs/<name>; in a sweep with one folder per combination inside it.

    Args:
        run: whose config has ``output_dir``.
        name: what the source is called; characters that are awkward in a path are replaced.
        source: the option that names the source; a sweep over it needs no folder beyond the name's.
    """
    given, name = run.config.output_dir, re.sub(r"[^\w.()+-]+", "-", name).strip("-.") or source
    if not run.overrides or any(word.startswith("output_dir=") for word in run.overrides):
        return Path(given or f"outputs/{name}").expanduser()
    apart = ",".join(word for word in run.overrides if not word.startswith(f"{source}="))
    return Path(given or "outputs").expanduser() / name / re.sub(r"[^\w.=,+-]+", "_", apart)


def exit_code(main: Callable[[], None]) -> int:
    """Runs ``main``: 0, or 2 after one line on stderr for a user's error, or 130 after Ctrl-C."""
    try:
        with warnings.catch_warnings():  # Pillow's, of what is still below our own limit: no line for the user
            warnings.filterwarnings("ignore", r"Image size .* exceeds limit")
            main()
    except VosError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as head, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # an input that may not be read, or a device that fails; writing has words of its own
        if error.filename is None:
            raise
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0


def help_text(schema: type, usage: str) -> str:
    """Usage and a table of every option with its default and the comment beside it in its dataclass."""
    rows = []
    for name, default, comment in describe(schema):
        group = name.removesuffix(".name")
        if group != name and choices(group):
            name, comment = group, " | ".join(choices(group))
        rows.append((f"{name}={_as_typed(default)}", comment.replace("None", "null")))
    width = max(len(option) for option, _ in rows)
    table = "\n".join(f"  {option:<{width}}  {comment}" for option, comment in rows)
    return f"{usage.strip()}\n\nOptions (name=default):\n{table}\n\n{TERMS}\n"


def _as_typed(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_as_typed, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    is_union = isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union
    return typing.get_args(hint) if is_union else (hint,)


def _is_text(hint: Any) -> bool:
    return str in _alternatives(hint)


def _is_list(hint: Any) -> bool:
    return any(typing.get_origin(part) is list for part in _alternatives(hint))


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


def _one_line(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    name = getattr(cause, "full_key", None)
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    text = "; ".join(line for line in lines if not line.startswith(("full_key", "object_type", "reference_type")))
    return f"{name}: {text}" if name else text
