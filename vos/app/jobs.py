"""Long work on a clip, on a thread of its own: how far it is, what it said, and how it is stopped."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vos.errors import users_error


@dataclass
class Job:
    """Work that goes on.

    Attributes:
        kind: track or export.
        text: what is being done, for people.
        done, total: frames, as far as known.
        left: seconds, None = unknown.
        frame: that was worked on last, None = none yet.
        error: why it ended early.
        stop: ends it; what it has done stays.
    """

    kind: str
    text: str
    done: int = 0
    total: int = 0
    left: float | None = None
    frame: int | None = None
    error: str = ""
    stop: Callable[[], None] = lambda: None
    _thread: threading.Thread | None = field(default=None, repr=False)

    def begin(self, work: Callable[[Job], None]) -> None:
        """Begins the work."""

        def run() -> None:
            try:
                work(self)
            except Exception as error:
                self.error = said(error)
                if users_error(error) is None:
                    traceback.print_exception(error)

        self._thread = threading.Thread(target=run, name=f"vos-app {self.kind}", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self._thread is not None and self._thread.is_alive()

    def end(self) -> None:
        """Stops it, and waits until it has ended."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def described(self) -> dict[str, Any]:
        """Describes itself for the page."""
        known = ("kind", "text", "done", "total", "left", "frame", "error")
        return {name: getattr(self, name) for name in known}


def said(error: Exception) -> str:
    """Says for the page what went wrong; a mistake of the program's own is for the terminal."""
    text = users_error(error)
    if text is None:
        return "something went wrong in the program, which is its own mistake; the terminal says what"
    return " ".join(text.split())
