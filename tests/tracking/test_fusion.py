"""Two passes' answers become one: the surer decides, given masks stay, nothing is worse than the better of two."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.structures import LabelMap, Presence, TrackedFrame
from vos.tracking.config import SecondPassConfig
from vos.tracking.fusion import fuse
from vos.tracking.merge import ABSENT_LOGIT

CONFIG = SecondPassConfig(trust=0.85, found_iou=0.8)
PRESENT, UNCERTAIN, ABSENT = Presence.PRESENT, Presence.UNCERTAIN, Presence.ABSENT
SHAPE = (6, 8)


def answer(*objects: tuple[float, float, Presence], seed: int = 0, given_map: LabelMap | None = None) -> TrackedFrame:
    """One (mean logit, predicted IoU, presence) per object; noise of its own for each seed."""
    generator = torch.Generator().manual_seed(seed)
    logits = [
        torch.full(SHAPE, ABSENT_LOGIT) if presence is ABSENT else mean + 4 * torch.randn(SHAPE, generator=generator)
        for mean, _, presence in objects
    ]
    return TrackedFrame(
        torch.stack(logits), torch.tensor([iou for _, iou, _ in objects]), tuple(p for *_, p in objects), given_map
    )


ious = st.floats(0.05, 1).map(lambda value: round(value, 3))
seeds = st.integers(0, 50)


def presences(sure: bool) -> Presence:
    return PRESENT if sure else UNCERTAIN


@settings(deadline=None)
@given(ious, ious, seeds)
def test_masks_of_one_place_keep_what_both_say_and_lie_between(one: float, other: float, seed: int) -> None:
    base = answer((6, one, PRESENT), seed=seed)
    noise = torch.randn(base.logits.shape, generator=torch.Generator().manual_seed(seed))
    second = TrackedFrame(base.logits + noise, torch.tensor([other]), (UNCERTAIN,))
    fused = fuse(base, second, CONFIG)
    agreed = (base.logits > 0) == (second.logits > 0)
    assert torch.equal((fused.logits > 0)[agreed], (base.logits > 0)[agreed])
    low, high = torch.minimum(base.logits, second.logits), torch.maximum(base.logits, second.logits)
    assert bool(((fused.logits >= low - 1e-3) & (fused.logits <= high + 1e-3)).all())
    assert min(one, other) - 1e-6 <= float(fused.predicted_iou) <= max(one, other) + 1e-6
    assert fused.presence == (presences(one >= CONFIG.trust * other),)


@settings(deadline=None)
@given(ious, ious, seeds)
def test_of_masks_of_different_places_the_surer_one_is_taken_whole(one: float, other: float, seed: int) -> None:
    first = answer((6, one, PRESENT), seed=seed)
    second = TrackedFrame(-first.logits, torch.tensor([other]), (UNCERTAIN,))
    fused, surer = fuse(first, second, CONFIG), first if one >= CONFIG.trust * other else second
    assert torch.equal(fused.logits, surer.logits) and fused.presence == surer.presence
    assert torch.equal(fused.predicted_iou, surer.predicted_iou)


@settings(deadline=None)
@given(ious, seeds)
def test_the_same_twice_is_the_same(iou: float, seed: int) -> None:
    same = answer((1, iou, PRESENT), (-1, iou, UNCERTAIN), (0, 0, ABSENT), seed=seed)
    fused = fuse(same, same, CONFIG)
    torch.testing.assert_close(fused.logits, same.logits, atol=1e-3, rtol=0)
    torch.testing.assert_close(fused.predicted_iou, same.predicted_iou)
    assert fused.presence == same.presence


def test_the_first_pass_stays_where_it_alone_sees_something() -> None:
    first = answer((5, 0.3, UNCERTAIN), (0, 0, ABSENT))
    fused = fuse(first, answer((0, 0, ABSENT), (0, 0, ABSENT)), CONFIG)
    assert fused.presence == (UNCERTAIN, ABSENT) and torch.equal(fused.logits, first.logits)


def test_what_the_second_pass_alone_sees_must_be_seen_well() -> None:
    second = answer((5, 0.85, PRESENT), (5, 0.75, PRESENT))
    fused = fuse(answer((0, 0, ABSENT), (0, 0, ABSENT)), second, CONFIG)
    assert fused.presence == (PRESENT, ABSENT)
    assert torch.equal(fused.logits[0], second.logits[0]) and bool((fused.logits[1] == ABSENT_LOGIT).all())
    assert fused.predicted_iou.tolist() == pytest.approx([0.85, 0])


def test_given_masks_stay_and_the_other_objects_of_that_frame_are_fused() -> None:
    labels = np.zeros((24, 32), np.uint8)
    labels[4:12, 4:12] = 3
    given_map = LabelMap(labels, (3, 7))
    first = answer((5, 1.0, PRESENT), (0, 0, ABSENT), given_map=given_map)
    fused = fuse(first, answer((-5, 0.9, UNCERTAIN), (5, 0.9, PRESENT), seed=1), CONFIG)
    assert fused.given is given_map
    assert torch.equal(fused.logits[0], first.logits[0]) and float(fused.predicted_iou[0]) == 1
    assert fused.presence == (PRESENT, PRESENT)
