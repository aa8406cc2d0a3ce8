"""Pictures of a run, taken while its results go by: the moments to look at first, and previews of all of it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from vos.io.contact_sheet import thumbnail
from vos.io.render import Rgb
from vos.report.checks import Check
from vos.structures import SegmentedFrame

SHOWN = 12  # moments
APART = 10  # frames between two of them, at least
KEPT = 3 * SHOWN  # pictures of stretches, of which those shown are chosen in the end
PREVIEWS = 8  # at most; at least half as many of a video that has them


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment to look at, and a small picture of it with its masks."""

    check: Check
    picture: Rgb


class Moments:
    """Keeps pictures of the worst frames, of which no two lie close together.

    Args:
        count: of the video's frames, where it is known: in a short one moments lie closer together.
    """

    def __init__(self, count: int | None = None) -> None:
        self.apart = APART if count is None else max(1, min(APART, count // APART))
        self._worst: list[tuple[float, int, Moment]] = []  # a heap, the best of them first
        self._latest: tuple[Check, SegmentedFrame] | None = None  # the worst of its stretch so far

    def add(self, check: Check, segmented: SegmentedFrame) -> None:
        """Takes the next frame that may be wrong."""
        if self._latest is not None:
            latest = self._latest[0]
            if check.order // self.apart > latest.order // self.apart:
                self._keep()
            elif check.doubt <= latest.doubt:
                return
        self._latest = check, segmented

    def _keep(self) -> None:
        """Keeps the worst frame of a stretch, if it is among the worst."""
        if self._latest is None:
            return
        check, segmented = self._latest
        key = (check.doubt, -check.order)
        if len(self._worst) < KEPT or key > self._worst[0][:2]:
            moment = (*key, Moment(check, thumbnail(segmented.frame.rgb, segmented.label_map)))
            (heapq.heappush if len(self._worst) < KEPT else heapq.heapreplace)(self._worst, moment)
        self._latest = None

    def ranked(self) -> list[Moment]:
        """Lists the moments, worst first, when all frames have been seen."""
        self._keep()
        chosen: list[Moment] = []
        for *_, moment in sorted(self._worst, key=lambda one: one[:2], reverse=True):
            distances = [abs(moment.check.order - other.check.order) for other in chosen]
            if len(chosen) < SHOWN and min(distances, default=self.apart) >= self.apart:
                chosen.append(moment)
        return chosen


class Previews:
    """Keeps pictures at equal distances, however long the video is."""

    def __init__(self) -> None:
        self._step, self._kept = 1, list[tuple[int, str, Rgb]]()

    def add(self, order: int, segmented: SegmentedFrame) -> None:
        """Takes the next frame, the ``order``-th from 0."""
        if order % self._step:
            return
        if len(self._kept) == PREVIEWS:
            self._step *= 2
            self._kept = self._kept[::2]
            if order % self._step:
                return
        frame = segmented.frame
        self._kept.append((order, f"{frame.time:.2f} s", thumbnail(frame.rgb, segmented.label_map)))

    def pictures(self) -> list[tuple[str, Rgb]]:
        """Lists the pictures, each with its time."""
        return [(time, picture) for _, time, picture in self._kept]
