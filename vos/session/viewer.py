"""What a session shows: the clip's frames, and what was found in them; over time, and written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vos.api.result import Result
from vos.api.results import Results
from vos.api.write import write
from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.config import MatteConfig
from vos.io.frames import FrameSource
from vos.matting.alpha import FAST
from vos.report.checks import Check
from vos.session.clip import SessionClip
from vos.session.edits import Edits
from vos.session.engine import SessionEngine
from vos.session.folder import SavedSession, SessionFolder
from vos.session.outcome import Timeline, checks, timeline
from vos.session.results import FoundResults
from vos.session.validity import Dependencies
from vos.structures import Frame, SegmentedFrame


class Viewer:
    """The part of :class:`vos.Session` that changes nothing.

    Args:
        clip: the frames.
        again: opens them once more.
        folder: of the session.
        saved: what it holds.
        engine: answers, and knows what results depend on.
        found: the results.
    """

    def __init__(
        self,
        clip: SessionClip,
        again: Callable[[], FrameSource],
        folder: SessionFolder,
        saved: SavedSession,
        engine: SessionEngine,
        found: FoundResults,
    ) -> None:
        self._clip, self._again, self._folder, self._saved = clip, again, folder, saved
        self._engine, self._found, self._lock = engine, found, threading.RLock()

    @property
    def _edits(self) -> Edits:
        return self._saved.history.now

    @property
    def size(self) -> SizeHW:
        """(H, W) of the frames in pixels."""
        return self._clip.source.size

    @property
    def fps(self) -> float:
        """Average frames per second."""
        return self._clip.source.fps

    @property
    def frames(self) -> range:
        """The numbers of the frames, as the clip counts."""
        return self._clip.numbers

    @property
    def frame_count(self) -> int:
        """How many frames there are."""
        return len(self._clip.numbers)

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """Presentation times of the frames in seconds, float64 (T,)."""
        return self._clip.times

    def frame(self, i: int) -> npt.NDArray[np.uint8]:
        """Returns the picture of a frame, uint8 (H, W, 3) RGB.

        Raises:
            VosError: there is no such frame.
        """
        return self._clip.frame(i).rgb

    def _span(self, start: int | None, end: int | None) -> range:
        """Finds the positions of the frames from ``start`` to before ``end``."""
        begin = 0 if start is None else self._clip.position(start)
        stop = self.frame_count if end is None or end == self.frames.stop else self._clip.position(end)
        if begin >= stop:
            raise VosError(f"there is no frame between start={start} and end={end}, which is left out itself")
        return range(begin, stop)

    def _holds(self, position: int, needs: Dependencies) -> bool:
        there = self._found.frames.get(position)
        return there is not None and there.key == needs.key(position)

    def is_current(self, i: int) -> bool:
        """Returns whether the result of a frame holds: it is there, and what is shown has not changed it since.

        Raises:
            VosError: there is no such frame.
        """
        with self._lock:
            return self._holds(self._clip.position(i), self._engine.dependencies(self._edits))

    def result(self, i: int) -> Result | None:
        """Returns what was last found in a frame, whether it holds or not; None where nothing was yet.

        Raises:
            VosError: there is no such frame.
        """
        position = self._clip.position(i)
        if position not in self._found.frames:
            return None
        return Result(self._result(position, self._clip.frame(i), self._edits, self._engine.config.matte.quality))

    def timeline(self, object_id: int) -> Timeline:
        """Returns what is known of an object in every frame.

        Raises:
            VosError: there is no such object.
        """
        with self._lock:
            _, needs = self._edits.known(object_id), self._engine.dependencies(self._edits)
            holds = np.array([self._holds(position, needs) for position in range(self.frame_count)], np.bool_)
            return timeline(self._found, object_id, holds)

    def frames_to_check(self) -> list[Check]:
        """Lists the frames to look at first, worst first, each with a reason; reads all frames that have a result."""
        edits = self._edits
        with closing(self._read(edits, range(self.frame_count), FAST)) as results:
            return checks(results, list(edits.shown))

    def results(self, start: int | None = None, end: int | None = None, quality: str | None = None) -> Results:
        """Returns the results there are, as :func:`vos.track` does, in the order of time.

        Args:
            start: number of the first frame that is wanted; None = the clip's.
            end: number of the frame after the last one; None = the clip's end.
            quality: of soft masks, "fast" or "best"; None = as the option ``matte.quality`` says.

        Raises:
            VosError: there are no such frames.
        """
        with self._lock:
            edits = self._edits
            quality = MatteConfig(quality=quality or self._engine.config.matte.quality).quality
            read = partial(self._read, edits, self._span(start, end), quality)
            about = self._engine.about(edits)
            return Results(
                self._again(), lambda with_alpha: closing(read()), about, [("video", Path(self._saved.video))]
            )

    def export(
        self,
        folder: str | Path,
        output: Sequence[str] = ("masks", "overlay"),
        *,
        start: int | None = None,
        end: int | None = None,
        options: Mapping[str, object] | None = None,
    ) -> Path:
        """Writes the results, as ``python -m vos.run`` does.

        Args:
            folder: where; see :func:`vos.write`.
            output: masks, overlay, matte and others of docs/forms.md.
            start: number of the first frame that is wanted; None = the clip's.
            end: number of the frame after the last one; None = the clip's end.
            options: of how they are written, by dotted name.

        Raises:
            VosError: a frame has no result that holds, or as :func:`vos.write`.
        """
        with self._lock:
            needs = self._engine.dependencies(self._edits)
            lacking = [p for p in self._span(start, end) if not self._holds(p, needs)]
            if lacking:
                first = self.frames[lacking[0]]
                raise VosError(
                    f"{len(lacking)} frames have no result that holds, the first is {first}; track() them first"
                )
            options = dict(options or {})
            quality = options.pop("matte.quality", None)
            results = self.results(start, end, None if quality is None else str(quality))
        return write(results, folder, output, options=options)

    def _read(self, edits: Edits, positions: range, quality: str) -> Generator[SegmentedFrame, None, None]:
        """Reads the frames that have a result, with it."""
        for position, frame in zip(positions, self._clip.source.frames(positions.start, positions.stop)):
            if position in self._found.frames:
                yield self._result(position, frame, edits, quality)

    def _result(self, position: int, frame: Frame, edits: Edits, quality: str) -> SegmentedFrame:
        return self._found.get(position, frame, edits.followed, edits.names, quality)
