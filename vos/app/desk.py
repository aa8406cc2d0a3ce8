"""The clips that are open: each in one tab at a time, so many at most, all of them gone at the end."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from vos.app.work import Work
from vos.errors import VosError
from vos.session.session import Session

MOST_OPEN = 8


class TakenError(VosError):
    """Another tab has this clip."""


class Desk:
    """Opens clips, hands them to tabs, closes them. Safe to use from several threads; a context manager.

    Args:
        make: makes a session of a clip in a folder.

    Attributes:
        folder: of everything that is kept meanwhile; made anew, and deleted at the end.
    """

    def __init__(self, make: Callable[[Path, Path], Session]) -> None:
        self._make, self._works, self._lock = make, dict[str, Work](), threading.Lock()
        self.folder = Path(tempfile.mkdtemp(prefix="vos-app-"))

    def open(self, clip: Path, tab: str, folder: Path | None = None) -> Work:
        """Opens a clip in a tab.

        Args:
            clip: a video, or a folder of pictures.
            tab: that shows it.
            folder: that the clip lies in, if it goes when the clip is closed or cannot be opened.

        Raises:
            VosError: it cannot be read, or too many are open.
        """
        folder = folder or Path(tempfile.mkdtemp(dir=self.folder))
        try:
            self._make_room()
            work = Work(self._make(clip, folder / "session"), clip.name, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        work.tab = tab
        with self._lock:
            self._works[work.id] = work
        return work

    def _make_room(self) -> None:
        """Closes the clip that was left longest ago, if there are too many."""
        with self._lock:
            if len(self._works) < MOST_OPEN:
                return
            left = sorted((work for work in self._works.values() if not work.tab), key=lambda work: work.used)
        if not left:
            raise VosError(f"{MOST_OPEN} clips are open in other tabs; close one of them")
        self.close(left[0])

    def work(self, work_id: str, tab: str) -> Work:
        """Finds a clip that a tab has open.

        Raises:
            VosError: it was closed.
            TakenError: another tab has it now.
        """
        work = self.find(work_id)
        if work.tab != tab:
            raise TakenError("this clip is open in another tab; go on there, or reload this page")
        return work

    def attach(self, work_id: str, tab: str, take: bool) -> Work:
        """Hands a clip to a tab, if no other has it; with ``take`` even then."""
        with self._lock:
            work = self._works.get(work_id)
            if work is not None and (take or work.tab in ("", tab)):
                work.tab = tab
        return self.work(work_id, tab)

    @property
    def is_empty(self) -> bool:
        """Whether no clip is open."""
        return not self._works

    def find(self, work_id: str) -> Work:
        """Finds a clip, whichever tab has it.

        Raises:
            VosError: it was closed.
        """
        with self._lock:
            work = self._works.get(work_id)
        if work is None:
            raise VosError("this clip was closed; open it again")
        work.used = time.monotonic()
        return work

    def leave(self, work_id: str, tab: str) -> None:
        """Notes that a tab does not show a clip any more; it stays open for a while, for the next."""
        with self._lock:
            work = self._works.get(work_id)
            if work is not None and work.tab == tab:
                work.tab = ""

    def close(self, work: Work) -> None:
        """Closes a clip and deletes what was kept of it."""
        with self._lock:
            self._works.pop(work.id, None)
        work.close()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *error: object) -> None:
        for work in list(self._works.values()):
            self.close(work)
        shutil.rmtree(self.folder, ignore_errors=True)
