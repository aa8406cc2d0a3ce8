"""One answer of two: what both passes over the frames say about the objects."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vos.structures import Presence, TrackedFrame
from vos.tracker_config import SecondPassConfig
from vos.tracking.merge import ABSENT_LOGIT


@dataclass(frozen=True)
class Answer:
    """What one pass says about one object: logits (h4, w4), predicted IoU, presence."""

    logits: torch.Tensor
    predicted_iou: float
    presence: Presence


def fuse(first: TrackedFrame, second: TrackedFrame, config: SecondPassConfig) -> TrackedFrame:
    """Makes one answer of those of the first and the second pass about the same frame.

    Args:
        first: of the first pass.
        second: of the second one: the same objects in the same order.
        config: how sure of an object one pass has to be where the other one does not see it.

    Returns:
        The fused answer. Objects with a given mask stay as they are; objects may claim the same place, as in the
        answers of a single pass.
    """
    shown = set() if first.given is None else set(first.given.labels[first.given.labels > 0].tolist())
    ids = () if first.given is None else first.given.object_ids
    fused = []
    for k in range(len(first.presence)):
        one, other = (Answer(t.logits[k], float(t.predicted_iou[k]), t.presence[k]) for t in (first, second))
        fused.append(one if ids and ids[k] in shown else fuse_answers(one, other, config))
    return TrackedFrame(
        logits=torch.stack([answer.logits for answer in fused]) if fused else first.logits,
        predicted_iou=torch.tensor([answer.predicted_iou for answer in fused]),
        presence=tuple(answer.presence for answer in fused),
        given=first.given,
    )


def fuse_answers(one: Answer, other: Answer, config: SecondPassConfig) -> Answer:
    """Makes one answer of two about an object.

    Where both see it, the mean of their masks' probabilities, weighted by predicted IoU: where they disagree the surer
    pass decides, however large the other one's logits are. Where one alone sees it, that one if it is sure enough.
    """
    seen = [answer for answer in (one, other) if answer.presence is not Presence.ABSENT]
    if len(seen) < 2:
        if seen and seen[0].predicted_iou >= config.found_iou:
            return seen[0]
        return Answer(torch.full_like(one.logits, ABSENT_LOGIT), 0.0, Presence.ABSENT)
    total = one.predicted_iou + other.predicted_iou
    share = one.predicted_iou / total if total else 0.5
    mean = share * one.logits.double().sigmoid() + (1 - share) * other.logits.double().sigmoid()
    return Answer(
        logits=mean.logit().clamp(ABSENT_LOGIT, -ABSENT_LOGIT).float(),
        predicted_iou=share * one.predicted_iou + (1 - share) * other.predicted_iou,
        presence=(one if share >= 0.5 else other).presence,
    )
