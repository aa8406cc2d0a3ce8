"""Values over time as small inline SVG pictures: bounded in size, with no dip lost."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from vos.structures import PRESENCES, Presence

POINTS = 400  # of a line, at most ...
POINTS_OF_ALL = 12_000  # ... and of the lines of all objects together ...
FEWEST = 40  # ... but no fewer of one
WIDTH, HEIGHT = 1000, 100  # of a picture's own units; pages stretch it


class Series:
    """What is told of one object in each frame."""

    def __init__(self, before: int = 0) -> None:
        self.scores = array("f", [0.0] * before)  # predicted IoU
        self.doubts = array("f", [0.0] * before)
        self.presences = array("B", [PRESENCES.index(Presence.ABSENT)] * before)  # indices into PRESENCES

    def add(self, score: float, doubt: float, presence: Presence) -> None:
        """Adds a frame."""
        self.scores.append(score)
        self.doubts.append(doubt)
        self.presences.append(PRESENCES.index(presence))

    def __len__(self) -> int:
        return len(self.scores)


def points_each(lines: int) -> int:
    """Tells how many points a line may have where there are so many lines."""
    return max(FEWEST, min(POINTS, POINTS_OF_ALL // max(1, lines)))


def parts(count: int, most: int) -> list[slice]:
    """Divides ``count`` values into at most ``most`` parts of about equal length."""
    number = min(count, most)
    return [slice(count * k // number, count * (k + 1) // number) for k in range(number)]


def line(values: Sequence[float], most: int = POINTS, worst: Callable[[Sequence[float]], float] = min) -> str:
    """Draws values in 0..1 as the points of an SVG polyline; where there are too many, the worst of neighbours."""
    thinned = [(each.start + each.stop - 1, worst(values[each])) for each in parts(len(values), most)]
    last = max(1, 2 * (len(values) - 1))
    return " ".join(f"{WIDTH * at / last:.4g},{HEIGHT * (1 - min(1.0, max(0.0, v))):.4g}" for at, v in thinned)


def spans(presences: Sequence[int], most: int = POINTS) -> Iterator[tuple[str, float, float]]:
    """Yields presence, beginning and length (0..WIDTH) of each span; of neighbours the one that matters most counts."""
    pieces = parts(len(presences), most)
    worst = [max(presences[each]) for each in pieces]
    at = 0
    for number, group in groupby(worst):
        length = len(list(group))
        begin, end = (WIDTH * k / len(pieces) for k in (at, at + length))
        yield PRESENCES[number].value, round(begin, 1), round(end - begin, 1)
        at += length
