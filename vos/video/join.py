"""What several passes of the tracker say about a frame, joined into one answer.

Between two frames for which the user shows an object it is tracked from both, and the two answers are mixed by their
distance in time. An object that is shown for the first time late may also be followed backward from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vos.structures import LabelMap, Presence, TrackedFrame
from vos.video.reference import Reference

LEVELS = 255  # probabilities are kept in eight bits


@dataclass(frozen=True, slots=True)
class LowResMasks:
    """A tracked frame, small enough to be kept.

    Attributes:
        probabilities: uint8 (N, h4, w4), the sigmoids of the low-res logits, 0..255.
        predicted_iou: float32 (N,).
        presence: N values.
        rejected_iou: float32 (N,), see :class:`vos.structures.TrackedFrame`.
    """

    probabilities: npt.NDArray[np.uint8]
    predicted_iou: npt.NDArray[np.float32]
    presence: tuple[Presence, ...]
    rejected_iou: npt.NDArray[np.float32]

    @classmethod
    def of(cls, tracked: TrackedFrame) -> LowResMasks:
        """Takes from a tracked frame what is kept."""
        levels = (tracked.logits.float().sigmoid() * LEVELS).round().to(torch.uint8).cpu().numpy()
        predicted_iou = tracked.predicted_iou.float().cpu().numpy()
        rejected = tracked.rejected_iou
        rejected_iou = np.zeros_like(predicted_iou) if rejected is None else rejected.float().cpu().numpy()
        return cls(levels, predicted_iou, tracked.presence, rejected_iou)


@dataclass(frozen=True)
class BackwardPass:
    """A pass from a further reference backward.

    Attributes:
        start: position of the reference.
        stop: position of the first frame that it has something to say about.
        previous: per object that counts in it, the position of the reference that shows it before; -1 = there is
            none, so that this pass alone knows the object.
    """

    start: int
    stop: int
    previous: Mapping[int, int]

    def share(self, object_id: int, position: int) -> float:
        """Says how much this pass counts for an object in a frame, 0..1, against the passes before it."""
        before = self.previous.get(object_id, self.start)
        if not max(before + 1, self.stop) <= position < self.start:
            return 0.0
        return 1.0 if before < 0 else (position - before) / (self.start - before)


def backward_passes(
    references: Sequence[Reference], positions: Sequence[int], both_sides: bool, add_backward: bool
) -> list[BackwardPass]:
    """Plans the passes from further references backward.

    Args:
        references: in the order of the frames.
        positions: theirs.
        both_sides: an object that two references show is tracked between them from the second one, too.
        add_backward: an object that is shown for the first time in a further reference is tracked before it, too.
    """
    passes: list[BackwardPass] = []
    latest: dict[int, int] = {}
    for reference, position in zip(references, positions):
        shown = reference.shown()
        previous = {i: latest.get(i, -1) for i in shown if (both_sides if i in latest else add_backward)}
        latest |= dict.fromkeys(shown, position)
        stop = min(previous.values(), default=position) + 1
        if position > positions[0] and stop < position:
            passes.append(BackwardPass(position, stop, previous))
    return passes


def join(
    masks: LowResMasks,
    others: Sequence[tuple[BackwardPass, LowResMasks]],
    position: int,
    object_ids: Sequence[int],
    given: LabelMap | None = None,
) -> TrackedFrame:
    """Mixes what the passes say about the frame at ``position``.

    Args:
        masks: of the forward pass, or before the first reference of the pass back from it.
        others: the passes from further references that reach the frame, in the order of their references.
        position: of the frame.
        object_ids: N ids.
        given: the user's mask of the frame, if there is one.
    """
    probabilities = masks.probabilities.astype(np.float32)
    predicted_iou, presence, rejected_iou = masks.predicted_iou.copy(), list(masks.presence), masks.rejected_iou.copy()
    for backward, other in others:
        for k, object_id in enumerate(object_ids):
            share = np.float32(backward.share(object_id, position))
            if not share:
                continue
            probabilities[k] += share * (other.probabilities[k].astype(np.float32) - probabilities[k])
            predicted_iou[k] += share * (other.predicted_iou[k] - predicted_iou[k])
            rejected_iou[k] += share * (other.rejected_iou[k] - rejected_iou[k])
            presence[k] = _presence(presence[k], other.presence[k], share)
            if not (probabilities[k] > LEVELS / 2).any():
                presence[k], predicted_iou[k] = Presence.ABSENT, 0.0
    logits = torch.logit(torch.from_numpy(probabilities) / LEVELS, eps=1e-5)
    return TrackedFrame(logits, torch.from_numpy(predicted_iou), tuple(presence), given, torch.from_numpy(rejected_iou))


def _presence(one: Presence, other: Presence, share: float) -> Presence:
    """Joins two opinions on an object that is seen."""
    if share == 1:
        return other
    return Presence.PRESENT if (one, other) == (Presence.PRESENT,) * 2 else Presence.UNCERTAIN
