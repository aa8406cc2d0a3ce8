"""One of the four programs, from the words after its name to an exit code. What is heavy is imported inside."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING, NoReturn, TextIO, TypeVar

from vos import __version__
from vos.errors import users_error
from vos.stages import interrupt_later

if TYPE_CHECKING:
    from vos.cli.compose import Run

T = TypeVar("T")
INTERRUPTED = 130


def program(
    name: str, usage: str, *, schema: Callable[[], type[T]], work: Callable[[], Callable[[Sequence[Run[T]]], int]]
) -> int:
    """Runs ``python -m vos.<name>`` with the words of the command line, or shows its help.

    Args:
        name: of its file in conf/.
        usage: examples, for the help.
        schema: imports the dataclass of its options.
        work: imports what does the runs and returns an exit code.

    Returns:
        0, 2 after a user's error, 130 after Ctrl-C, whenever that comes; or what ``work`` returned.
    """

    def main() -> int:
        words = sys.argv[1:]
        if "--version" in words:
            print(f"vos {__version__}", flush=True)
            return 0
        with _no_collection():
            from vos.cli.compose import compose
            from vos.cli.options import help_text

            options = schema()
            if not words or any(word in ("-h", "--help") for word in words):
                print(help_text(options, usage), flush=True)
                return 0
            runs = compose(words, name, options)
            with interrupt_later():  # PyTorch's C++ code does not survive Ctrl-C while it loads
                do = work()
        return do(runs)

    return exit_code(main)


def leave(main: Callable[[], int]) -> NoReturn:
    """Ends the process with the exit code of ``main``; Ctrl-C after the last word of it changes nothing any more."""
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if code == INTERRUPTED:  # Python ends by the signal itself if Ctrl-C came while it ran code from a string
        os._exit(code)
    sys.exit(code)


def exit_code(main: Callable[[], int | None]) -> int:
    """Runs ``main``; returns its exit code, or 2 after one line on stderr for a user's error, or 130 after Ctrl-C."""
    with redirect_stdout(_Screen(sys.stdout)), redirect_stderr(_Screen(sys.stderr)), _warnings_shown():
        try:
            with warnings.catch_warnings():  # Pillow's, of what is still below our own limit: no line for the user
                warnings.filterwarnings("ignore", r"Image size .* exceeds limit")
                return main() or 0
        except (Exception, KeyboardInterrupt) as error:
            if (interruption := _interruption(error)) is not None:
                print(f"interrupted: {str(interruption) or 'run the same command again to go on'}", file=sys.stderr)
                return INTERRUPTED
            if (text := users_error(error)) is None:
                raise
            print(f"error: {' '.join(text.split())}", file=sys.stderr)
            return 2
        finally:
            sys.stdout.flush()


class _Above(logging.Handler):
    """Writes the library's warnings as lines above a progress bar that may be there."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one of them."""
        from vos.progress import write_above

        write_above(f"warning: {' '.join(record.getMessage().split())}", sys.stderr)


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


@contextmanager
def _warnings_shown() -> Iterator[None]:
    logger, handler = logging.getLogger("vos"), _Above(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """Finds the Ctrl-C behind an error; what it breaks off may fail in its own way while it is left."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


class _Screen:
    """A stream for people that never fails: its reader may leave, its disk be full, its letters few.

    What a run has to say is not worth its results. Once a word is lost, all later ones are.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream: TextIO | None = stream
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Writes as :meth:`io.TextIOBase.write` does."""
        self._try(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flushes as :meth:`io.IOBase.flush` does."""
        self._try(lambda stream: stream.flush())

    def _try(self, work: Callable[[TextIO], object]) -> None:
        try:
            if self._stream is not None:
                work(self._stream)
        except (OSError, ValueError):  # full, or closed
            with suppress(OSError, ValueError, AttributeError):  # so that leaving Python does not fail on it again
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno() if self._stream else -1)
            self._stream = None

    def __getattr__(self, name: str) -> object:
        if self._stream is None:
            return {"encoding": "utf-8", "isatty": lambda: False}[name]
        return getattr(self._stream, name)
