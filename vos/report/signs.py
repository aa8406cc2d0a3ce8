"""What is conspicuous about an object in a frame, told from results alone: no model is asked again."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

MOST = {"shrank": 1.5, "grew": 1.5, "dwindled": 3.0, "tiny": 5.0}  # that counts: what is beyond is no worse


@dataclass(frozen=True, slots=True)
class Signs:
    """What is conspicuous about one object in one frame. Each is 0 where nothing is, and grows.

    Attributes:
        unsure: 1 - predicted IoU, of what is seen.
        fell: by how much that is below the one before.
        absent: 1 where the object is not found.
        missed: logarithm of the number of frames in which it has not been found, this one included.
        lost: 1 in the first frame in which it is not found.
        rejected: predicted IoU of what was found in its stead, where it is not found.
        large: its area before it went, in its first areas, at most 1.
        inside: 1 if it did not touch the picture's edge before it went.
        coloured: how much of the picture around the objects has colours of its own that it did not have at first, in
            the object's first areas, at most 1; where it is not found.
        found_again: 1 in the first frame in which it is found again.
        shrank: by how much the area's logarithm is below the one before.
        grew: by how much it is above.
        deformed: 1 - IoU with the mask before, moved along.
        dwindled: by how much the area's logarithm is below the reference's.
        tiny: the same, below a small share of the picture.
        strange: distance of its colours from the reference's, 0..1.
        background: share of it that has colours of the reference's surroundings, 0..1.
        apart: share of it that lies apart from its largest piece, 0..1.
        mixed: how alike its colours are to those of an object that it has touched since the reference, 0..1.
        changed: how much the picture differs from the one before, in its own contrast.
    """

    unsure: float = 0.0
    fell: float = 0.0
    absent: float = 0.0
    missed: float = 0.0
    lost: float = 0.0
    rejected: float = 0.0
    large: float = 0.0
    inside: float = 0.0
    coloured: float = 0.0
    found_again: float = 0.0
    shrank: float = 0.0
    grew: float = 0.0
    deformed: float = 0.0
    dwindled: float = 0.0
    tiny: float = 0.0
    strange: float = 0.0
    background: float = 0.0
    apart: float = 0.0
    mixed: float = 0.0
    changed: float = 0.0

    def values(self) -> tuple[float, ...]:
        """Lists what counts of them, in the order of :data:`NAMES`."""
        return tuple(min(getattr(self, name), MOST.get(name, math.inf)) for name in NAMES)


NAMES = tuple(item.name for item in fields(Signs))
