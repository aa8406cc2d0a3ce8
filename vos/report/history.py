"""The objects of a video so far: what the next frame is compared with, and what is conspicuous in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from vos.report.signs import Signs
from vos.structures import SegmentedFrame

SIDE = 160  # pixels, longer side of the small pictures in which signs are looked for
SHADES = (8, 8, 8)  # bins of L, a, b, in which colours are compared
CHROMA = (64, 192)  # of OpenCV's a and b, 0..255: what lies outside is rare and goes into the outermost bins
RARE = 1e-4  # share that every colour is taken to have
OWN = 4.0  # times as usual in the object as around it: a colour of its own
TINY = math.exp(-4)  # share of the picture below which an object is small
CUT_CONTRAST = 8.0  # gray levels that every picture is taken to vary by at least
TOUCH = np.ones((5, 5), np.uint8)  # how far from each other objects touch

Mask = npt.NDArray[np.bool_]
Bins = npt.NDArray[np.intp]


class SmallFrame:
    """A result at the size at which signs are looked for.

    Args:
        segmented: the result.

    Attributes:
        labels: uint8 (h, w).
        gray: float32 (h, w), 0..255.
        bins: (h, w), the number of each pixel's colour.
        areas: by object id, in pixels of the whole frame.
        whole: pixels of the whole frame.
    """

    def __init__(self, segmented: SegmentedFrame) -> None:
        (height, width), labels = segmented.label_map.size, segmented.label_map.labels
        scale = min(1.0, SIDE / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        self.labels = np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST))
        rgb = np.asarray(cv2.resize(segmented.frame.rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        self.gray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.float32)
        self.bins = _bins(rgb)
        self.areas = {i: int(np.count_nonzero(labels == i)) for i in segmented.label_map.object_ids}
        self.whole = labels.size

    def change(self, before: SmallFrame | None) -> float:
        """Measures how much the picture differs from the one before, in its own contrast."""
        if before is None or before.gray.shape != self.gray.shape:
            return 0.0
        return float(np.abs(self.gray - before.gray).mean() / (self.gray.std() + CUT_CONTRAST))

    def touching(self, object_id: int) -> list[int]:
        """Lists the objects that an object touches."""
        near = cv2.dilate((self.labels == object_id).astype(np.uint8), TOUCH) > 0
        return [i for i in np.unique(self.labels[near]).tolist() if i not in (0, object_id)]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How an object looks in the frame that later ones are measured by.

    Attributes:
        area: in pixels of the whole frame.
        small_area: in pixels of the small one, at least 1.
        colours: float64, share of each colour in the object.
        surroundings: likewise, of what is no object.
        own: bool, which colours are its own.
        elsewhere: how much of the picture that is no object has them, in small areas.
    """

    area: int
    small_area: int
    colours: npt.NDArray[np.float64]
    surroundings: npt.NDArray[np.float64]
    own: npt.NDArray[np.bool_]
    elsewhere: float

    @classmethod
    def of(cls, small: SmallFrame, object_id: int) -> Self:
        """Takes it from a frame."""
        mask, free = small.labels == object_id, small.labels == 0
        colours, surroundings = _histogram(small.bins[mask]), _histogram(small.bins[free])
        own, small_area = colours > OWN * (surroundings + RARE), max(1, int(np.count_nonzero(mask)))
        elsewhere = np.count_nonzero(own[small.bins] & free) / small_area
        return cls(small.areas[object_id], small_area, colours, surroundings, own, elsewhere)

    def coloured(self, small: SmallFrame) -> float:
        """Measures how much more of a picture's rest than at first has its own colours, in its areas, 0..1."""
        now = np.count_nonzero(self.own[small.bins] & (small.labels == 0)) / self.small_area
        return min(1.0, max(0.0, now - self.elsewhere))

    def background(self, bins: Bins) -> float:
        """Measures which share of some pixels has colours of its surroundings rather than its own."""
        return float((self.surroundings > self.colours)[bins].mean()) if len(bins) else 0.0

    def alike(self, colours: npt.NDArray[np.float64]) -> float:
        """Measures how alike colours are to its own: Bhattacharyya's coefficient, 0..1."""
        return float(np.sqrt(colours * self.colours).sum())


@dataclass(frozen=True, slots=True)
class Seen:
    """What a result says of one object.

    Attributes:
        object_id: which object this is.
        predicted_iou: of its mask.
        rejected_iou: see :class:`vos.structures.TrackedFrame`.
        is_given: the mask is the user's own.
        touched: objects that it touches.
    """

    object_id: int
    predicted_iou: float
    rejected_iou: float = 0.0
    is_given: bool = False
    touched: Sequence[Look] = ()


class ObjectHistory:
    """One object so far. Nothing is said before it has been seen once.

    Attributes:
        look: in the latest frame that was given, or else the first that shows it; None = it has not been seen.
    """

    def __init__(self) -> None:
        self.look: Look | None = None
        self._mask = np.zeros((0, 0), dtype=bool)  # where it was last seen, small
        self._area, self._predicted_iou, self._missed, self._mixed = 0, 0.0, 0, 0.0

    def next(self, small: SmallFrame, seen: Seen, change: float) -> Signs:
        """Takes the next frame.

        Args:
            small: the frame.
            seen: the object in it.
            change: of the picture, see :meth:`SmallFrame.change`.

        Returns:
            What is conspicuous.
        """
        mask, area = small.labels == seen.object_id, small.areas[seen.object_id]
        if not area:
            signs = Signs() if self.look is None else self._not_found(self.look, small, seen.rejected_iou, change)
            self._missed += 1
            return signs
        if self.look is None or seen.is_given:
            signs = Signs(unsure=0.0 if seen.is_given else 1 - seen.predicted_iou)
            self.look, self._mixed = Look.of(small, seen.object_id), 0.0
        else:
            self._mixed = max([self._mixed, *(self.look.alike(other.colours) for other in seen.touched)])
            signs = self._found(self.look, small, mask, seen, change)
        self._mask, self._area, self._predicted_iou, self._missed = mask, area, seen.predicted_iou, 0
        return signs

    def _not_found(self, look: Look, small: SmallFrame, rejected_iou: float, change: float) -> Signs:
        edge = np.concatenate([self._mask[0], self._mask[-1], self._mask[:, 0], self._mask[:, -1]])
        return Signs(
            absent=1.0,
            missed=math.log(self._missed + 2),
            lost=float(not self._missed),
            rejected=rejected_iou,
            large=min(1.0, self._area / look.area),
            inside=float(not edge.any()),
            coloured=look.coloured(small),
            changed=change,
        )

    def _found(self, look: Look, small: SmallFrame, mask: Mask, seen: Seen, change: float) -> Signs:
        bins, area = small.bins[mask], small.areas[seen.object_id]
        growth = 0.0 if self._missed else math.log(area / self._area)
        return Signs(
            unsure=1 - seen.predicted_iou,
            fell=max(0.0, self._predicted_iou - seen.predicted_iou),
            found_again=float(self._missed > 0),
            shrank=max(0.0, -growth),
            grew=max(0.0, growth),
            deformed=0.0 if self._missed else 1 - moved_iou(self._mask, mask),
            dwindled=max(0.0, math.log(look.area / area)),
            tiny=max(0.0, math.log(TINY * small.whole / area)),
            strange=1 - look.alike(_histogram(bins)) if len(bins) else 0.0,
            background=look.background(bins),
            apart=_apart(mask),
            mixed=self._mixed,
            changed=change,
        )


def moved_iou(before: Mask, now: Mask) -> float:
    """Measures the IoU of a mask with the one before, moved so that their centroids agree; (H, W) both."""
    if not (before.any() and now.any()) or before.shape != now.shape:
        return 0.0
    rows, columns = np.nonzero(before)
    to_rows, to_columns = np.nonzero(now)
    rows, columns = rows + round(to_rows.mean() - rows.mean()), columns + round(to_columns.mean() - columns.mean())
    inside = (rows >= 0) & (rows < now.shape[0]) & (columns >= 0) & (columns < now.shape[1])
    common = int(np.count_nonzero(now[rows[inside], columns[inside]]))
    return common / (int(np.count_nonzero(inside)) + len(to_rows) - common)


def _apart(mask: Mask) -> float:
    if not mask.any():
        return 0.0
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    pieces: Sequence[int] = boxes[1:, cv2.CC_STAT_AREA].tolist()
    return 1 - max(pieces) / sum(pieces)


def _bins(rgb: npt.NDArray[np.uint8]) -> Bins:
    """Numbers the colour of each pixel (H, W), below the product of SHADES."""
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.intp)
    low, high = CHROMA
    light = lab[..., 0] * SHADES[0] // 256
    a, b = (((lab[..., k] - low) * SHADES[k] // (high - low)).clip(0, SHADES[k] - 1) for k in (1, 2))
    return np.asarray((light * SHADES[1] + a) * SHADES[2] + b, dtype=np.intp)


def _histogram(bins: Bins) -> npt.NDArray[np.float64]:
    """Counts how often each colour occurs, as shares of one."""
    counts = np.bincount(bins, minlength=math.prod(SHADES)).astype(np.float64)
    return counts / max(1.0, float(counts.sum()))
