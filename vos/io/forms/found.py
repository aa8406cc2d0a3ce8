"""An object as it is found in a frame, in the measures that other programs' forms have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vos.io.clip import Clip
from vos.io.masks.run_lengths import RunLengths, encode_masks
from vos.structures import Presence, SegmentedFrame, default_name


@dataclass(frozen=True, slots=True)
class Found:
    """One object in one frame.

    Attributes:
        id: as the reference mask has it.
        name: what it is called.
        presence: whether it is there. An absent object has an empty mask, and so may one that is not.
        score: predicted IoU in [0, 1], six digits, as ``summary.json`` keeps it.
        runs: its mask with size, box and area.
        mask: bool (H, W).
    """

    id: int
    name: str
    presence: Presence
    score: float
    runs: RunLengths
    mask: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def centroid(self) -> tuple[float, float]:
        """Computes (x, y), the mean position of its pixels, whose centres have whole numbers."""
        ys, xs = np.nonzero(self.mask)
        return float(xs.mean()), float(ys.mean())


class Objects:
    """Finds the objects of a clip's frames as these come; whoever asks again for those of a frame gets them at once.

    Args:
        clip: what is said of the clip.
    """

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self._latest: tuple[SegmentedFrame, list[Found]] | None = None

    def all(self, segmented: SegmentedFrame) -> list[Found]:
        """Lists all objects that are followed, those that are absent, too."""
        if self._latest is None or self._latest[0] is not segmented:
            self._latest = segmented, list(self._found(segmented))
        return self._latest[1]

    def visible(self, segmented: SegmentedFrame) -> list[Found]:
        """Lists the objects that have pixels."""
        return [found for found in self.all(segmented) if found.runs.area]

    def _found(self, segmented: SegmentedFrame) -> Iterator[Found]:
        masks, names = segmented.label_map.masks(), names_in(segmented, self.clip)
        for k, (object_id, runs) in enumerate(zip(segmented.label_map.object_ids, encode_masks(masks))):
            yield Found(
                self.clip.original_id(object_id),
                names[self.clip.original_id(object_id)],
                segmented.presence[k],
                round(float(segmented.predicted_iou[k]), 6),
                runs,
                masks[k],
            )


def names_in(segmented: SegmentedFrame, clip: Clip) -> dict[int, str]:
    """Says what the objects are called, by the ids of the reference mask."""
    ids = {i: clip.original_id(i) for i in segmented.label_map.object_ids}
    return {original: segmented.names.get(i, default_name(original)) for i, original in ids.items()}
