"""The one exception that users see as a line of text instead of a traceback."""

from __future__ import annotations


class VosError(Exception):
    """A problem that the user can mend.

    The message is one line: the value, what was allowed, and the fix. Entry points print it after
    ``error:`` and exit with status 2; library callers catch it like any other exception.
    """
