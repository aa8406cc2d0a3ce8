"""One of the programs, from the words after its name to an exit code. What is heavy is imported inside."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

from vos import __version__
from vos.cli.console import Console, Screen
from vos.cli.outcome import DONE, INTERRUPTED, MISTAKE, Interrupted, Outcome
from vos.errors import users_error
from vos.stages import interrupt_later

if TYPE_CHECKING:
    from vos.cli.compose import Run
    from vos.limits import ProgramConfig

T = TypeVar("T", bound="ProgramConfig")
FLAGS = ("--json", "--quiet")
QUESTIONS = {"-h", "--help", "--help-all", "--version"}


def program(
    name: str,
    usage: str,
    *,
    schema: Callable[[], type[T]],
    work: Callable[[], Callable[[Sequence[Run[T]]], Outcome]],
    needs_words: bool = True,
) -> int:
    """Runs ``python -m vos.<name>`` with the words of the command line, or shows its help.

    Args:
        name: of its file in conf/.
        usage: examples, for the help.
        schema: imports the dataclass of its options.
        work: imports what does the runs.
        needs_words: without a word there is nothing to do, and the help is shown.

    Returns:
        0, 2 after a user's error, 3 where some of the work failed, 130 after Ctrl-C, whenever that comes.
    """
    words, begin = [word for word in sys.argv[1:] if word not in FLAGS], time.monotonic()
    is_json, ended, code = "--json" in sys.argv, Outcome(), 1  # the code of a traceback

    def main() -> int:
        nonlocal ended
        with _no_collection():
            from vos.cli.compose import compose

            runs = compose(words, name, schema())
            console.log.open_for([run.config.log_file for run in runs], f"{name} {' '.join(words)}")
            with interrupt_later():  # PyTorch's C++ code does not survive Ctrl-C while it loads
                do = work()
        try:
            ended = do(runs)
        except Interrupted as error:
            ended = error.outcome
            raise
        return ended.code

    if QUESTIONS.intersection(words) or (needs_words and not (words or is_json)):
        return exit_code(lambda: answer(words, usage, schema))
    console = Console(is_quiet=is_json or "--quiet" in sys.argv)
    try:
        code = exit_code(main, console)
    finally:
        if is_json:
            screen = Screen(sys.stdout)
            screen.write(ended.as_json(code, time.monotonic() - begin, console.error) + "\n")
            screen.flush()
            if screen.lost:  # who reads it must not take nothing for success
                Screen(sys.stderr).write(f"error: the JSON of --json could not be written to stdout ({screen.lost})\n")
                code = code or MISTAKE
    return code


def answer(words: Sequence[str], usage: str, schema: Callable[[], type]) -> None:
    """Says the version, or explains the options."""
    if "--version" in words:
        print(f"vos {__version__}", flush=True)
        return
    with _no_collection():
        from vos.cli.help import help_text

        text = help_text(schema(), usage, everything="--help-all" in words)
    print(text, flush=True)


def leave(main: Callable[[], int]) -> NoReturn:
    """Ends the process with the exit code of ``main``; Ctrl-C after the last word of it changes nothing any more."""
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if code == INTERRUPTED:  # Python ends by the signal itself if Ctrl-C came while it ran code from a string
        os._exit(code)
    sys.exit(code)


def exit_code(main: Callable[[], int | None], console: Console | None = None) -> int:
    """Runs ``main``; returns its exit code, or 2 after one line on stderr for a user's error, or 130 after Ctrl-C."""
    console = console or Console()
    with console.speaking():
        try:
            with warnings.catch_warnings():  # Pillow's, of what is still below our own limit: no line for the user
                warnings.filterwarnings("ignore", r"Image size .* exceeds limit")
                return main() or DONE
        except (Exception, KeyboardInterrupt) as error:
            if (interruption := _interruption(error)) is not None:
                console.fail("interrupted", str(interruption) or "run the same command again to go on")
                return INTERRUPTED
            if (text := users_error(error)) is None:
                console.error = f"{type(error).__name__}: {error}"
                console.log.say(traceback.format_exc())
                raise
            console.fail("error", text)
            return MISTAKE


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Takes SIGTERM, with which schedulers end their jobs, for Ctrl-C."""

    def interrupt(number: int, where: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Looks for no garbage while modules load: there is none, and looking takes a fifth of the start.

    What was loaded is never looked at again, which also makes leaving Python 0.3 s shorter.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """Finds the Ctrl-C behind an error; what it breaks off may fail in its own way while it is left."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error
