"""The saved passes of a run: what it needs to go on when interrupted, and need not do again when corrected."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from vos.io.atomic import remove_leftovers, writing_to
from vos.video.saved import DamagedError, SavedPass

MARK = "fingerprint"
BACKWARD, FORWARD = "backward", "forward"

Given = tuple[int, str]
"""Position of a reference, and a hash of what it shows."""


class ResumeState:
    """A folder with the saved passes of a run.

    It begins empty if it is of another ``fingerprint``. If only the references differ, and the first one does not, it
    goes back to what the earliest difference leaves as it was. A context manager; on leaving, a folder without any
    state is deleted.

    Args:
        folder: where they are.
        fingerprint: hashes what results depend on, the references apart.
        given: the references, in the order of their positions.

    Attributes:
        is_damaged: there was something to go on from, and it was damaged: it begins empty, too.
        is_corrected: what there was is of a run with other references.
    """

    def __init__(self, folder: Path, fingerprint: str = "", given: Sequence[Given] = ()) -> None:
        self.folder, self.is_damaged, self.is_corrected = folder, False, False
        self._passes: dict[str, SavedPass] = {}
        mark = [fingerprint, *(f"{position} {shown}" for position, shown in given)]
        old = self._old_mark()
        if folder.exists() and (not old or old[:2] != mark[:2]):
            shutil.rmtree(folder)
            old = []
        try:
            self._open(mark, old)
        except DamagedError:
            self.is_damaged = True
            self._close()
            shutil.rmtree(folder)
            self._open(mark, [])

    def _old_mark(self) -> list[str]:
        path = self.folder / MARK
        return path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else []

    def _open(self, mark: list[str], old: list[str]) -> None:
        differing = {int(line.split()[0]) for line in set(old[1:]) ^ set(mark[1:])} if old else set()
        with writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self.folder, ["*.state"])
            for name in (BACKWARD, FORWARD, *(path.stem for path in self.folder.glob("from-*.results"))):
                self.saved(name)
            if differing:
                self._go_back(min(differing), int(mark[1].split()[0]))
            (self.folder / MARK).write_text("\n".join(mark), encoding="utf-8")

    def _go_back(self, position: int, start: int) -> None:
        """Forgets what depends on the references from ``position`` on; the first one is at ``start``."""
        self.is_corrected = True
        self.forward.go_back(position - start)
        for name in [name for name in self._passes if name.startswith("from-") and int(name[5:]) >= position]:
            self._passes.pop(name).remove()

    def saved(self, name: str) -> SavedPass:
        """Opens a pass, new or as it was left."""
        if name not in self._passes:
            self._passes[name] = SavedPass(self.folder, name, keeps_earlier=name == FORWARD)
        return self._passes[name]

    def back_from(self, position: int) -> SavedPass:
        """Opens the pass from a further reference backward."""
        return self.saved(f"from-{position}")

    @property
    def backward(self) -> SavedPass:
        """The pass from the first reference backward."""
        return self._passes[BACKWARD]

    @property
    def forward(self) -> SavedPass:
        """The pass from the first reference forward."""
        return self._passes[FORWARD]

    @property
    def resumed(self) -> int:
        """Frames that an earlier run has tracked."""
        return sum(map(len, self._passes.values()))

    @property
    def kept(self) -> int:
        """Counts the frames that the next run need not track again."""
        return sum(each.kept for each in self._passes.values())

    def keep(self, fingerprint: str) -> None:
        """Keeps everything for a corrected run, under the ``fingerprint`` of this one, which is complete."""
        mark = [fingerprint, *self._old_mark()[1:]]
        (self.folder / MARK).write_text("\n".join(mark), encoding="utf-8")

    def _close(self) -> None:
        for each in self._passes.values():
            each.close()
        self._passes.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        has_state = any(each.has_state for each in self._passes.values())
        for each in self._passes.values():
            each.close()
        if not has_state:
            shutil.rmtree(self.folder)
            with suppress(OSError):  # holds something else
                self.folder.parent.rmdir()


@contextmanager
def temporary_state() -> Iterator[ResumeState]:
    """Opens a state that nothing goes on from: only to bring the results of several passes into order."""
    with tempfile.TemporaryDirectory(prefix="vos-") as folder, ResumeState(Path(folder) / "resume") as state:
        yield state
