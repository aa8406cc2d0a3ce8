"""What a run finds out about its own results while they go by."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from vos.report.checks import FrameChecks, Judged
from vos.report.moments import Moment, Moments
from vos.structures import SegmentedFrame

TOLD = 3  # moments, on the screen
WORTH_A_LOOK = 0.2  # doubt, from which a moment is shown; below it no more than three are


class Review:
    """Looks at the results in the order of their frames; goes before the writers that tell what it found.

    Args:
        given: indices of the frames that the user has given.
        count: of the video's frames, where it is known.

    Attributes:
        latest: what was found in the latest frame.
    """

    latest: Judged

    def __init__(self, given: Collection[int] = (), count: int | None = None) -> None:
        self._checks, self._moments = FrameChecks(given), Moments(count)

    def write(self, segmented: SegmentedFrame) -> None:
        """Takes the next frame's result."""
        self.latest = self._checks.add(segmented)
        if self.latest.check is not None:
            self._moments.add(self.latest.check, segmented)

    def entries(self) -> list[dict[str, Any]]:
        """Lists the fifth of all frames that looks worst, worst first, as ``summary.json`` has it."""
        return [check.entry() for check in self._checks.ranked()]

    def moments(self) -> list[Moment]:
        """Lists the moments to look at, worst first, when all frames have been seen; good ones where few are bad."""
        ranked = self._moments.ranked()
        return [each for k, each in enumerate(ranked) if k < TOLD or each.check.doubt >= WORTH_A_LOOK]

    def lines(self) -> list[str]:
        """Says the worst of them, a line each, for the screen."""
        doubtful = [one.check for one in self.moments() if one.check.doubt >= WORTH_A_LOOK]
        if not doubtful:
            return ["no frame stands out"]
        return ["frames to look at first:", *(f"  {check.line()}" for check in doubtful[:TOLD])]
