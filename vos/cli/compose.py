"""From the words on a command line to checked config objects: the only module that composes with Hydra.

Hydra's own output folders, log files and changes of the working directory stay off because only its compose function is
used, and nothing is initialised before :func:`compose` is called.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vos.cli.options import at_home, bare_words, check, config_folder, list_option, quoted
from vos.cli.outcome import Interrupted, Outcome, together
from vos.errors import VosError, users_error
from vos.limits import ProgramConfig

T = TypeVar("T")
P = TypeVar("P", bound=ProgramConfig)


@dataclass(frozen=True)
class Run(Generic[T]):
    """One run that the command line asks for.

    Attributes:
        config: an instance of the entry point's config dataclass.
        overrides: the words that tell this run of a sweep from the others, e.g. ("tracker.points=2",).
    """

    config: T
    overrides: tuple[str, ...] = ()


def compose(arguments: Sequence[str], config_name: str, schema: type[P]) -> list[Run[P]]:
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
    given = [word for word in arguments if word not in ("-m", "--multirun")]
    bare = bare_words(given, schema)
    words = [quoted(word, schema, sweep) for word in given if word not in bare]
    words += [list_option(schema.BARE, bare)] if bare else []
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
                runs.append(Run(typing.cast(P, at_home(OmegaConf.to_object(node))), apart))
            return runs
        except (HydraException, OmegaConfBaseException) as error:
            raise VosError(_one_line(error)) from error


def do_all(runs: Sequence[Run[T]], work: Callable[[Run[T]], Outcome]) -> Outcome:
    """Does the runs of a command line; in a sweep, one that fails does not stop the others.

    Args:
        runs: one, or those of a sweep.
        work: does one.

    Returns:
        What came of all.

    Raises:
        VosError: the only run failed, or all did.
    """
    outcomes, failed = [], list[tuple[str, str]]()
    for index, run in enumerate(runs):
        words = " ".join(run.overrides)
        if words:
            print(f"run {index + 1} of {len(runs)}: {words}", flush=True)
        try:
            outcomes.append(work(run))
        except KeyboardInterrupt as error:
            ended = error.outcome if isinstance(error, Interrupted) else Outcome()
            raise Interrupted(str(error), together([*outcomes, ended])) from error
        except Exception as error:
            text = users_error(error)
            if text is None or len(runs) == 1:
                raise
            text = " ".join(text.split())
            failed.append((words or f"run {index + 1}", text))
            print(f"failed: {text}", file=sys.stderr)
    if failed:
        if len(failed) == len(runs):
            raise VosError(f"all {len(runs)} runs failed, the first one so: {failed[0][1]}")
        head, listed = f"{len(failed)} of {len(runs)} runs failed", [f"{run}: {text}" for run, text in failed]
        print(f"{head}:", *listed, sep="\n  ", file=sys.stderr)
        return together(outcomes, f"{head}: {'; '.join(listed)}")
    return together(outcomes)


def _one_line(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    name = getattr(cause, "full_key", None)
    if "is not Optional" in str(cause):
        return f"{name}=null: it cannot be empty; give a value, or leave it out"
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    text = "; ".join(line for line in lines if not line.startswith(("full_key", "object_type", "reference_type")))
    return f"{name}: {text}" if name else text
