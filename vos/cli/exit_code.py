"""From errors to exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable

from vos.errors import VosError


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
