"""What is known of a session's frames together: over time, which to look at, and as a series to write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vos.report.checks import Check, FrameChecks
from vos.session.results import FoundResults, with_ids
from vos.structures import PRESENCES, Presence, SegmentedFrame


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """One object over time; T frames.

    Attributes:
        score: float32 (T,), predicted IoU; 1 where its mask was given, 0 where absent, nan where nothing is known.
        presence: T values, None where nothing is known.
        area: int64 (T,), pixels of its mask.
        is_current: bool (T,), the result holds; False = what is shown has changed since, or nothing is known.
    """

    score: npt.NDArray[np.float32]
    presence: tuple[Presence | None, ...]
    area: npt.NDArray[np.int64]
    is_current: npt.NDArray[np.bool_]


def timeline(found: FoundResults, object_id: int, is_current: npt.NDArray[np.bool_]) -> Timeline:
    """Gathers what is known of an object.

    Args:
        found: the results.
        object_id: of the object.
        is_current: bool (T,), which of them hold.
    """
    count = len(is_current)
    score, area = np.full(count, np.nan, np.float32), np.zeros(count, np.int64)
    presence: list[Presence | None] = [None] * count
    for position, each in list(found.frames.items()):
        if position < count:
            row = with_ids(each.rows, (object_id,))[0]
            score[position], area[position], presence[position] = row["score"], row["area"], PRESENCES[row["presence"]]
    return Timeline(score, tuple(presence), area, is_current)


def checks(results: Iterable[SegmentedFrame], prompted: Sequence[int]) -> list[Check]:
    """Lists the frames to look at first, worst first; those in which objects are shown are not among them."""
    judge = FrameChecks(prompted)
    for result in results:
        judge.add(result)
    return judge.ranked()
