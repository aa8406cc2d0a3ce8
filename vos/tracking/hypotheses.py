"""Several hypotheses of where one object is: how they are scored, told apart and chosen from.

A constrained tree of memory pathways, as in SAM2Long (Ding et al., arXiv 2410.16268): each pathway has a memory and a
motion of its own, gathers a score over time, and branches only where the decoder is unsure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vos.structures import Presence
from vos.tracking.choice import overlap
from vos.tracking.config import HypothesesConfig
from vos.tracking.observation import Sight
from vos.tracking.track import Track

LEAST = 0.05  # of predicted IoU and similarity in the score: one bad frame shall not outweigh all others
SIMILARITY_POWER = 2  # of two candidates that differ, similarity tells the better one more surely than predicted IoU


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One history of one object.

    Attributes:
        track: what is known of the object if this is its history, as of the latest frame.
        sight: what it took for the object in the latest frame, logits (h2, w2).
        score: decayed mean of the evidence for it, at most 0.
    """

    track: Track
    sight: Sight
    score: float

    @property
    def mask(self) -> torch.Tensor:
        """Bool (h2, w2)."""
        return self.sight.logits > 0


def evidence(presence: Presence, predicted_iou: float, similarity: float, config: HypothesesConfig) -> float:
    """What one frame says for a hypothesis: the log of predicted IoU times the square of similarity to the object.

    Args:
        presence: as judged; of an absent object there is nothing to see.
        predicted_iou: of the mask, 0..1.
        similarity: of the mask, from :meth:`vos.persam.similarity_scale.Appearance.score`.
        config: says how much an absent object is worth.
    """
    if presence is Presence.ABSENT:
        return math.log(config.absent)
    return math.log(max(predicted_iou, LEAST)) + SIMILARITY_POWER * math.log(min(max(similarity, LEAST), 1.0))


def gathered(score: float, new: float, config: HypothesesConfig) -> float:
    """The score after one frame more."""
    return config.momentum * score + (1 - config.momentum) * new


def differing(masks: torch.Tensor, known: Sequence[torch.Tensor], limit: float) -> list[int]:
    """Which of M masks, bool (M, h2, w2), are no empty ones and have an IoU below ``limit`` with all known ones."""
    chosen: list[int] = []
    for index, mask in enumerate(masks):
        others = [*known, *(masks[other] for other in chosen)]
        if bool(mask.any()) and (not others or bool((overlap(torch.stack(others), mask) < limit).all())):
            chosen.append(index)
    return chosen


def merged(hypotheses: Sequence[Hypothesis], limit: float) -> list[Hypothesis]:
    """Without those that have come to the same mask as a better one; best first, equal ones in their order."""
    kept: list[Hypothesis] = []
    for one in sorted(hypotheses, key=lambda each: -each.score):
        if not any(_same(one.mask, other.mask, limit) for other in kept):
            kept.append(one)
    return kept


def leader(current: Hypothesis, kept: Sequence[Hypothesis], config: HypothesesConfig) -> Hypothesis:
    """Which of the hypotheses of a frame is the answer.

    Args:
        current: the one that was the answer so far.
        kept: all of them, from :func:`merged`: the current one, or what it has become one with, is among them.
        config: says by how much another one has to be better, so that the answer does not flicker.
    """
    standing = next(each for each in kept if _same(each.mask, current.mask, config.same))
    return kept[0] if kept[0].score > standing.score + config.margin else standing


def _same(one: torch.Tensor, other: torch.Tensor, limit: float) -> bool:
    if not (bool(one.any()) and bool(other.any())):
        return not (bool(one.any()) or bool(other.any()))  # absent and absent
    return bool(overlap(one[None], other)[0] >= limit)
