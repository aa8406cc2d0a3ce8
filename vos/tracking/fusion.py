"""One answer of two: what both passes over the frames say about the objects."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vos.persam.overlap import same_place
from vos.structures import Presence, TrackedFrame
from vos.tracking.config import SecondPassConfig
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
        config: how far the second pass is trusted.

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
    """Makes one answer of the first and the second pass's about an object.

    Masks of the same place: the mean of their probabilities, weighted by predicted IoU, so that the surer pass decides
    where they differ, however large the other one's logits are. Masks of different places: the surer one. An object
    that the second pass alone sees must be seen well: in the frames of an occlusion it is easily taken for something
    near, and a pass that comes from both sides would paint twice as much of that.
    """
    if one.presence is Presence.ABSENT:
        return other if other.presence is not Presence.ABSENT and other.predicted_iou >= config.found_iou else one
    if other.presence is Presence.ABSENT:
        return one
    trusted = config.trust * other.predicted_iou
    surer = one if one.predicted_iou >= trusted else other
    if not same_place(one.logits > 0, [other.logits > 0]):
        return surer
    share = one.predicted_iou / max(one.predicted_iou + trusted, 1e-9)
    mean = share * one.logits.double().sigmoid() + (1 - share) * other.logits.double().sigmoid()
    return Answer(
        logits=mean.logit().clamp(ABSENT_LOGIT, -ABSENT_LOGIT).float(),
        predicted_iou=share * one.predicted_iou + (1 - share) * other.predicted_iou,
        presence=surer.presence,
    )
