"""Which pieces of a mask are the object: a look-alike that came out from behind it and left is none.

Where the two touch, the decoder takes them for one; when they part, it follows both. Appearance does not tell twins
apart, but sizes do: one piece alone is as large as the object was before it grew, and all together are too large. What
a pole or a tree parts is smaller than it was, in every piece. Once strangers have been seen, no piece is taken in that
has not been part of the object in the frame before. (The distractors of DAM4SAM, Videnovic et al., CVPR 2025, are told
by what the decoder's candidates differ in; this decoder's agree on twins.)
"""

from __future__ import annotations

from itertools import groupby

import cv2
import numpy as np
import numpy.typing as npt

HISTORY = 40  # frames in which sizes and strangers are remembered
USUAL = 0.3  # quantile of sizes that counts: what comes out slowly is in the mask long before it leaves
STEADY, NEAR = 10, 0.15  # so many frames in a row within this share of it; of others nobody knows how large they are
LARGE = 0.2  # share of the mask from which a piece counts
ALONE = 0.75  # share of the usual area that a piece has which is the whole object
TOO_LARGE = 1.3  # times the usual area that all pieces have together where some are strangers
OTHER_SIZE = 2.0  # logits that a piece counts less for the logarithm of how much larger or smaller than usual it is
APART = 0.3  # least distance of a stranger, share of the square root of the object's area

Mask = npt.NDArray[np.uint8]  # (h, w), cells of low-res logits, 1 = object
Numbers = npt.NDArray[np.int32]  # of pieces, from 1 on, (h, w); or their areas in cells, by number


class Pieces:
    """The sizes of one object's masks, and what they say of pieces that lie apart.

    Attributes:
        areas: of the latest frames in which the object was present, cells, oldest first.
        alone: frames since strangers were last seen; ``HISTORY`` if that is long ago.
    """

    def __init__(self) -> None:
        self.areas: list[int] = []
        self.alone = HISTORY

    def note(self, area: int) -> None:
        """Takes note of the object's area in a frame."""
        self.areas = [*self.areas, area][-HISTORY:]

    def forget(self) -> None:
        """Forgets all: the object is lost, or was shown anew."""
        self.areas, self.alone = [], HISTORY

    def strangers(
        self, mask: Mask, logits: npt.NDArray[np.float32], before: Mask | None
    ) -> npt.NDArray[np.bool_] | None:
        """Finds the pieces that are not the object.

        Args:
            mask: as decoded.
            logits: float32 (h, w).
            before: as expected after the frame before; None where the object was lost.

        Returns:
            bool (h, w), or None where there are none.
        """
        self.alone = min(self.alone + 1, HISTORY)
        count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask)
        pieces, areas = np.asarray(numbers, np.int32), np.asarray(stats[:, cv2.CC_STAT_AREA], np.int32)
        if count <= 2 or (own := self._own(pieces, areas, logits, before)) is None:
            return None
        distance = cv2.distanceTransform((pieces != own).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        far = APART * float(np.sqrt(areas[own]))
        strangers = [k for k in range(1, count) if k != own and float(distance[pieces == k].min()) > far]
        if not strangers:
            return None
        self.alone = 0
        return np.isin(pieces, strangers)

    def _own(self, pieces: Numbers, areas: Numbers, logits: npt.NDArray[np.float32], before: Mask | None) -> int | None:
        """Tells which piece is the object by itself; None where all may be, or nobody knows."""
        if self.alone < HISTORY and before is not None:
            shared = np.bincount(pieces[before > 0], minlength=len(areas))[1:]
            return int(shared.argmax()) + 1 if shared.any() else None
        usual, total = self._usual(), int(areas[1:].sum())
        if usual is None or total < TOO_LARGE * usual:
            return None
        large = [k for k in range(1, len(areas)) if areas[k] >= LARGE * total]
        whole = [k for k in large if areas[k] >= ALONE * usual]
        if not whole or len(large) < 2:
            return None

        def score(number: int) -> float:
            other_size = abs(float(np.log(areas[number] / usual)))
            return float(logits[pieces == number].mean()) - OTHER_SIZE * other_size

        return max(whole, key=score)

    def _usual(self) -> float | None:
        """The object's area by itself, in cells, where it has kept it for a while."""
        usual = float(np.quantile(self.areas, USUAL)) if self.areas else 0.0
        runs = groupby(abs(area - usual) <= NEAR * usual for area in self.areas)
        return usual if any(is_near and len(list(run)) >= STEADY for is_near, run in runs) else None
