"""One of the four programs, from the words after its name to an exit code. What is heavy is imported inside."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from vos import __version__
from vos.errors import VosError

if TYPE_CHECKING:
    from vos.cli.compose import Run

T = TypeVar("T")


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
        from vos.cli.compose import compose
        from vos.cli.options import help_text

        words = sys.argv[1:]
        if "--version" in words:
            print(f"vos {__version__}", flush=True)
            return 0
        options = schema()
        if not words or any(word in ("-h", "--help") for word in words):
            print(help_text(options, usage), flush=True)
            return 0
        return work()(compose(words, name, options))

    return exit_code(main)


def exit_code(main: Callable[[], int | None]) -> int:
    """Runs ``main``; returns its exit code, or 2 after one line on stderr for a user's error, or 130 after Ctrl-C."""
    try:
        with warnings.catch_warnings():  # Pillow's, of what is still below our own limit: no line for the user
            warnings.filterwarnings("ignore", r"Image size .* exceeds limit")
            return main() or 0
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
