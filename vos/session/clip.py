"""A clip's frames in any order, as somebody scrubs through them: by number, with a few kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.io.frames import FrameSource
from vos.structures import Frame
from vos.video.excerpt import Excerpt

KEPT_BYTES = 128 << 20  # of decoded frames
AHEAD = 16  # frames that are passed over rather than sought
BACK = 8  # frames that are decoded before one to which somebody steps back


class SessionClip:
    """The frames of a clip that can be read again. Safe to use from several threads.

    Attributes:
        source: where they come from.
        times: float64 (T,), seconds.
        numbers: of the frames, as the clip counts.

    Raises:
        VosError: it is live.
    """

    def __init__(self, source: FrameSource) -> None:
        if source.is_live:
            raise VosError(f"{source.path} is live; a session needs a video file or a folder of images")
        self.source = source
        self.times: npt.NDArray[np.float64] = np.array(source.times(), np.float64)
        step = source.every if isinstance(source, Excerpt) else 1
        self.numbers = range(source.first, source.first + step * len(self.times), step)
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._most = max(2 * BACK, KEPT_BYTES // (3 * source.size[0] * source.size[1]))
        self._lock = threading.Lock()
        self._ahead, self._next = source.frames(0, 0), -AHEAD  # what is read on, and the position that comes next

    def cut(self, count: int) -> None:
        """Leaves it ``count`` frames: a damaged clip has fewer than it says."""
        self.times, self.numbers = self.times[:count], self.numbers[:count]

    def position(self, number: int) -> int:
        """Finds the position of a frame.

        Raises:
            VosError: there is no such frame.
        """
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number not in self.numbers:
            there = f"{self.numbers[0]} to {self.numbers[-1]}"
            step = f", every {self.numbers.step}" if self.numbers.step > 1 else ""
            raise VosError(f"there is no frame {number}; they have the numbers {there}{step}")
        return self.numbers.index(int(number))

    def frame(self, number: int) -> Frame:
        """Reads a frame.

        Raises:
            VosError: there is no such frame, or it cannot be read.
        """
        position = self.position(number)
        with self._lock:
            if position not in self._kept:
                self._read(position)
            self._kept.move_to_end(position)
            return self._kept[position]

    def _read(self, position: int) -> None:
        """Reads on to a frame where it comes soon, else from it on, or from some frames before it."""
        if not self._next <= position < self._next + AHEAD:
            self._seek(max(0, position - BACK) if position + 1 in self._kept else position)
        while self._next <= position:
            frame = next(self._ahead, None)
            if frame is None:
                self._next = -AHEAD
                raise self.source.no_such_frame(self.numbers[position])
            self._kept[self._next] = frame
            self._next += 1
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def _seek(self, position: int) -> None:
        self._stop()
        self._ahead, self._next = self.source.frames(position), position

    def _stop(self) -> None:
        if isinstance(self._ahead, Generator):
            self._ahead.close()

    def close(self) -> None:
        """Closes what is open."""
        with self._lock:
            self._stop()
            self._kept.clear()
            self.source.close()
