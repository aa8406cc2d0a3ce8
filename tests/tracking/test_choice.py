"""Choosing among candidates: quality, agreement with the expected mask, and the sign of a look-alike."""

from __future__ import annotations

import torch

from vos.persam.overlap import others_of
from vos.sam.prompting import MaskCandidates
from vos.tracking.choice import choose
from vos.tracking.config import ChoiceConfig


def square(begin: int, end: int) -> torch.Tensor:
    mask = torch.full((12, 12), -5.0)
    mask[begin:end, begin:end] = 5
    return mask


def candidates(quality: list[float]) -> MaskCandidates:
    masks = torch.stack([square(0, 4), square(1, 5), square(7, 11)])
    return MaskCandidates(masks[None], torch.tensor([quality]))


def test_the_surest_candidate_is_taken_where_nothing_is_expected() -> None:
    chosen, _ = choose(candidates([0.5, 0.6, 0.9]), [None], ChoiceConfig(agreement=0.5))
    assert torch.equal(chosen.logits[0, 0], square(7, 11)) and chosen.predicted_iou.item() == torch.tensor(0.9).item()


def test_motion_overrules_a_little_more_confidence() -> None:
    answer, expected = candidates([0.75, 0.5, 0.8]), [square(0, 4)]
    near, _ = choose(answer, expected, ChoiceConfig(agreement=0.25))
    assert torch.equal(near.logits[0, 0], square(0, 4))
    far, _ = choose(answer, expected, ChoiceConfig(agreement=0.0))
    assert torch.equal(far.logits[0, 0], square(7, 11))


def test_a_sure_candidate_elsewhere_means_a_look_alike() -> None:
    config = ChoiceConfig(agreement=0.0, rival=0.8, contested=0.2)
    assert choose(candidates([0.9, 0.1, 0.85]), [None], config)[1] == [True]
    assert choose(candidates([0.9, 0.1, 0.3]), [None], config)[1] == [False], "not sure enough to be a rival"
    assert choose(candidates([0.9, 0.85, 0.1]), [None], config)[1] == [False], "the same object, drawn differently"


def test_the_others_of_each_object() -> None:
    a, b, c = square(0, 4), square(3, 8), None
    others = others_of([a, b, c])
    assert torch.equal(others[0] > 0, b > 0)
    assert torch.equal(others[1] > 0, a > 0)
    assert torch.equal(others[2] > 0, (a > 0) | (b > 0)), "a lost object has to keep off both"
    assert others_of([None, None]) == {}
    assert set(others_of([a, None])) == {1}, "the only known object has no others"
