"""The one exception that users see as a line of text instead of a traceback, and others that mean the same."""

from __future__ import annotations

import re

NO_MEMORY = r"can('t|not) allocate memory|out of memory|bad_alloc|failed to map"


class VosError(Exception):
    """A problem that the user can mend.

    The message is one line: the value, what was allowed, and the fix. Entry points print it after
    ``error:`` and exit with status 2; library callers catch it like any other exception.
    """


def users_error(error: BaseException) -> str | None:
    """Says what users can mend; None for an error of the program's own."""
    if isinstance(error, VosError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:  # writing has words of its own
        return f"{error.filename}: {error.strerror}"
    text = str(error)
    if isinstance(error, RuntimeError) and "Symlink loop" in text:
        return f"{text}; a link leads to itself"
    if isinstance(error, MemoryError) or re.search(NO_MEMORY, text):
        return "there is not enough memory; close other programs, or try a smaller model.input_size or batch_size=1"
    if re.search(r"can't start new thread|Resource temporarily unavailable", text):
        return "the system allows no further thread or process; close other programs, or raise its limit (ulimit -u)"
    return None


def readable(text: str) -> str:
    r"""Replaces what cannot be printed: bytes in names of files that are no UTF-8 become escapes such as ``\udce9``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
