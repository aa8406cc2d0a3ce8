"""The frames to look at first: ranked, with a reason each, while the results go by."""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vos.report.history import ObjectHistory, Seen, SmallFrame
from vos.report.reasons import why
from vos.report.risk import RiskModel, shipped_model
from vos.report.signs import Signs
from vos.structures import SegmentedFrame

SHARE = 0.2  # of all frames, that the list has ...
MOST = 1000  # ... but no more than so many, so that memory does not grow with the video


@dataclass(frozen=True, slots=True)
class Check:
    """A frame that may be wrong.

    Attributes:
        order: position among the results, from 0.
        name: of the frame.
        index: of the frame, as the source counts.
        time: of it, seconds.
        object_id: the object that says so.
        object_name: what it is called.
        doubt: the estimated chance that its mask is wrong, 0..1.
        reason: why, in plain words.
    """

    order: int
    name: str
    index: int
    time: float
    object_id: int
    object_name: str
    doubt: float
    reason: str

    def entry(self) -> dict[str, Any]:
        """Gives what stands in ``summary.json``."""
        return {
            "time": round(self.time, 6),  # first: lines that begin with a frame are those of all frames
            "frame": self.name,
            "index": self.index,
            "object": self.object_id,
            "doubt": round(self.doubt, 4),
            "reason": self.reason,
        }

    def line(self) -> str:
        """Says it in a line."""
        return f"{self.time:.2f} s, frame {self.name}, {self.object_name}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Judged:
    """A frame and its objects as they were judged; all by object id, without objects that have not been seen yet.

    Attributes:
        check: of the object that looks worst; None where the frame was given, or shows nothing that is known.
        signs: what is conspicuous.
        doubts: the estimated chance that a mask is wrong, 0..1; 0 where it was given.
    """

    check: Check | None
    signs: Mapping[int, Signs]
    doubts: Mapping[int, float]


class FrameChecks:
    """Judges results in the order of their frames, and keeps the worst.

    Frames that the user has given are never listed.

    Args:
        given: indices of these frames.
        model: what judges.
    """

    def __init__(self, given: Collection[int] = (), model: RiskModel | None = None) -> None:
        self.given, self.model, self.count = frozenset(given), model or shipped_model(), 0
        self._objects: dict[int, ObjectHistory] = {}
        self._before: SmallFrame | None = None
        self._worst: list[tuple[float, int, Check]] = []  # a heap, the best of them first

    def add(self, segmented: SegmentedFrame) -> Judged:
        """Takes the next frame."""
        small, is_given = SmallFrame(segmented), segmented.frame.index in self.given
        change, signs = small.change(self._before), dict[int, Signs]()
        for seen in self._seen(segmented, small, is_given):
            history = self._objects[seen.object_id]
            told = history.next(small, seen, change)
            if history.look is not None:
                signs[seen.object_id] = told
        self._before = small
        judged = self._judged(segmented, signs, is_given)
        if judged.check is not None:
            keep = heapq.heappush if len(self._worst) < MOST else heapq.heappushpop
            keep(self._worst, (judged.check.doubt, -self.count, judged.check))
        self.count += 1
        return judged

    def _seen(self, segmented: SegmentedFrame, small: SmallFrame, is_given: bool) -> Iterator[Seen]:
        ids, scores = segmented.label_map.object_ids, segmented.predicted_iou.tolist()
        rejected = [0.0] * len(ids) if segmented.rejected_iou is None else segmented.rejected_iou.tolist()
        for object_id in ids:
            self._objects.setdefault(object_id, ObjectHistory())
        looks = {i: look for i in ids if (look := self._objects[i].look) is not None}
        for object_id, score, other in zip(ids, scores, rejected, strict=True):
            touched = small.touching(object_id) if len(looks) > 1 else []
            yield Seen(object_id, score, other, is_given, [looks[i] for i in touched if i in looks])

    def _judged(self, segmented: SegmentedFrame, signs: Mapping[int, Signs], is_given: bool) -> Judged:
        if is_given or not signs:
            return Judged(None, {}, dict.fromkeys(signs, 0.0))
        doubts = {object_id: self.model.doubt(told) for object_id, told in signs.items()}
        worst, frame = max(doubts, key=lambda object_id: doubts[object_id]), segmented.frame
        check = Check(
            order=self.count,
            name=frame.name,
            index=frame.index,
            time=frame.time,
            object_id=worst,
            object_name=segmented.name_of(worst),
            doubt=doubts[worst],
            reason=why(self.model.reasons(signs[worst]), signs[worst]),
        )
        return Judged(check, signs, doubts)

    def ranked(self) -> list[Check]:
        """Lists the fifth of all frames that looks worst, worst first."""
        worst = sorted(self._worst, key=lambda one: one[:2], reverse=True)
        return [check for _, _, check in worst[: math.ceil(SHARE * self.count)]]
