"""What a program says, and to whom: a terminal, a script that reads JSON, nobody, and the end of a log file."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

from vos import __version__
from vos.errors import VosError
from vos.progress import Display, shown_on, usual_display, write_above

_OURS = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d vos ")  # how every log begins


class Log:
    """Takes lines, each with its time, and adds them to a file once there is one; a full disk costs no result."""

    def __init__(self) -> None:
        self._file: Screen | None = None

    def open_for(self, names: Iterable[str | None], words: str) -> None:
        """Adds to a file from now on, beginning with the words of the command line.

        Args:
            names: ``log_file`` of each run; None = no log.
            words: of the command line.

        Raises:
            VosError: the runs want different files, or there is something else than a log, or it cannot be written.
        """
        name, *others = set(names)
        if others:
            raise VosError("log_file has several values; the runs of a sweep write into one")
        if name is not None:
            self._file = Screen(_log_file(Path(name)))
            self.say(f"vos {__version__} {words}")

    def say(self, line: str) -> None:
        """Adds a line."""
        if self._file is not None:
            self._file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()


def _log_file(path: Path) -> TextIO:
    """Opens a log to add to it; what is there and no log of ours stays as it is."""
    try:
        if path.exists() and not path.is_file():
            raise VosError(f"log_file={path} is no file; choose another name")
        if path.exists() and path.stat().st_size and not _is_log(path):
            raise VosError(f"log_file={path} is no log of vos, nothing is added to it; choose another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise VosError(f"cannot write log_file={path} ({error.strerror or error}); choose another name") from error


def _is_log(path: Path) -> bool:
    with path.open("rb") as file:
        return _OURS.match(file.read(64)) is not None


class Screen:
    """A stream for people that never fails: its reader may leave, its disk be full, its letters few.

    What a run has to say is not worth its results. Once a word is lost, all later ones are.

    Args:
        stream: None = nobody reads.
        log: gets every line, whatever becomes of the stream; bars, which are drawn over and over, are none.

    Attributes:
        lost: why a word was lost, once one is.
    """

    def __init__(self, stream: TextIO | None, log: Log | None = None) -> None:
        self._stream, self._log, self._line = stream, log, ""
        self.lost = "it is closed" if stream is None else ""
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Writes as :meth:`io.TextIOBase.write` does."""
        if self._log is not None:
            is_drawn = text.startswith("\r")
            *lines, self._line = ("" if is_drawn else self._line + text).split("\n")
            for line in filter(None, lines):
                self._log.say(line)
        self._try(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flushes as :meth:`io.IOBase.flush` does."""
        self._try(lambda stream: stream.flush())

    def close(self) -> None:
        """Closes as :meth:`io.IOBase.close` does."""
        self._try(lambda stream: stream.close())

    def _try(self, work: Callable[[TextIO], object]) -> None:
        try:
            if self._stream is not None:
                work(self._stream)
        except (OSError, ValueError) as error:  # full, or closed
            self.lost = getattr(error, "strerror", None) or str(error)
            with suppress(OSError, ValueError, AttributeError):  # so that leaving Python does not fail on it again
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno() if self._stream else -1)
            self._stream = None

    def __getattr__(self, name: str) -> object:
        if self._stream is None:
            return {"encoding": "utf-8", "isatty": lambda: False}[name]
        return getattr(self._stream, name)


class Console:
    """Where one program's words go while it runs.

    Args:
        is_quiet: on stdout and of progress nobody wants to hear; warnings and errors are said all the same.

    Attributes:
        log: of ``log_file=``.
        error: why the program failed, once it has.
    """

    def __init__(self, is_quiet: bool = False) -> None:
        self.is_quiet, self.log, self.error = is_quiet, Log(), ""

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Takes over stdout, stderr, the library's warnings and its progress."""
        logger, handler = logging.getLogger("vos"), _Above(logging.WARNING)
        with ExitStack() as stack:
            stack.callback(self.log.close)
            stack.enter_context(redirect_stdout(Screen(None if self.is_quiet else sys.stdout, self.log)))
            stack.enter_context(redirect_stderr(Screen(sys.stderr, self.log)))
            stack.enter_context(self._progress_shown())
            stack.callback(logger.removeHandler, handler)
            logger.addHandler(handler)
            stack.callback(sys.stdout.flush)
            yield

    def fail(self, kind: str, text: str) -> None:
        """Says in one line on stderr why the program ends."""
        self.error = " ".join(text.split())
        print(f"{kind}: {self.error}", file=sys.stderr)

    @contextmanager
    def _progress_shown(self) -> Iterator[None]:
        usual = usual_display()
        is_drawn = usual.has_bar and not self.is_quiet
        # Lines on stderr get into the log by themselves.
        say = self.log.say if is_drawn or self.is_quiet else usual.say
        with shown_on(Display(is_drawn, say)):
            yield


class _Above(logging.Handler):
    """Writes the library's warnings as lines above a progress bar that may be there."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one of them."""
        write_above(f"warning: {' '.join(record.getMessage().split())}", sys.stderr)
