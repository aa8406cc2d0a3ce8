"""Two passes' answers become one: the surer decides, given masks stay, nothing is worse than the better of two."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.structures import LabelMap, Presence, TrackedFrame
from vos.tracker_config import SecondPassConfig
from vos.tracking.fusion import fuse
from vos.tracking.merge import ABSENT_LOGIT

CONFIG = SecondPassConfig(found_iou=0.4)
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


@settings(deadline=None)
@given(ious, ious, st.integers(0, 50))
def test_cells_on_which_both_agree_stay_and_the_others_lie_between(one: float, other: float, seed: int) -> None:
    first, second = answer((0, one, PRESENT), seed=seed), answer((0, other, UNCERTAIN), seed=seed + 100)
    fused = fuse(first, second, CONFIG)
    sides = [frame.logits > 0 for frame in (first, second, fused)]
    agree = sides[0] == sides[1]
    assert torch.equal(sides[2][agree], sides[0][agree])
    low, high = torch.minimum(first.logits, second.logits), torch.maximum(first.logits, second.logits)
    assert bool(((fused.logits >= low - 1e-3) & (fused.logits <= high + 1e-3)).all())
    assert min(one, other) - 1e-6 <= float(fused.predicted_iou) <= max(one, other) + 1e-6
    assert fused.presence == ((PRESENT if one >= other else UNCERTAIN),)


@settings(deadline=None)
@given(ious, st.integers(0, 50))
def test_the_same_twice_is_the_same(iou: float, seed: int) -> None:
    same = answer((1, iou, PRESENT), (-1, iou, UNCERTAIN), (0, 0, ABSENT), seed=seed)
    fused = fuse(same, same, SecondPassConfig(found_iou=0.0))
    torch.testing.assert_close(fused.logits, same.logits, atol=1e-3, rtol=0)
    torch.testing.assert_close(fused.predicted_iou, same.predicted_iou)
    assert fused.presence == same.presence


def test_where_sure_masks_contradict_predicted_iou_decides_not_the_size_of_logits() -> None:
    loud, sure = answer((20, 0.5, PRESENT)), answer((-8, 0.8, PRESENT))
    assert bool(fuse(loud, sure, CONFIG).logits.mean() < 0)
    assert bool(fuse(sure, loud, CONFIG).logits.mean() < 0), "the order of the passes does not matter"


@pytest.mark.parametrize("late", [False, True])
def test_an_object_that_one_pass_alone_sees_must_be_sure(late: bool) -> None:
    absent = (0.0, 0.0, ABSENT)
    one = answer((5, 0.6, PRESENT), (5, 0.3, UNCERTAIN), absent, seed=1)
    none = answer(absent, absent, absent)
    fused = fuse(none, one, CONFIG) if late else fuse(one, none, CONFIG)
    assert fused.presence == (PRESENT, ABSENT, ABSENT)
    assert torch.equal(fused.logits[0], one.logits[0])
    assert bool((fused.logits[1:] == ABSENT_LOGIT).all()) and fused.predicted_iou[1:].tolist() == [0, 0]


def test_given_masks_stay_and_the_other_objects_of_that_frame_are_fused() -> None:
    labels = np.zeros((24, 32), np.uint8)
    labels[4:12, 4:12] = 3
    given_map = LabelMap(labels, (3, 7))
    first = answer((5, 1.0, PRESENT), (0, 0, ABSENT), given_map=given_map)
    fused = fuse(first, answer((-5, 0.9, UNCERTAIN), (5, 0.9, PRESENT), seed=1), CONFIG)
    assert fused.given is given_map
    assert torch.equal(fused.logits[0], first.logits[0]) and float(fused.predicted_iou[0]) == 1
    assert fused.presence == (PRESENT, PRESENT)
