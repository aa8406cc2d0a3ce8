"""The prompts of a training step: what they tell, what they should give, and what a step learns from."""

from __future__ import annotations

import pytest
import torch
from training.rounds import RoundResult, SceneRounds

from vos.sam.nano.network import NanoNetwork


def rounds(seed: int = 1, views: int = 4) -> SceneRounds:
    """Two scenes with a square each in two corners, the first of them prompted twice."""
    torch.manual_seed(0)
    images = torch.randint(0, 256, (2, views, 3, 64, 64), dtype=torch.uint8)
    masks = torch.zeros(2, 3, views, 64, 64, dtype=torch.bool)
    masks[:, 0, :, 8:30, 8:30] = True
    masks[:, 1, :, 34:60, 34:60] = True
    masks[:, 2] = masks[:, 0]
    return SceneRounds(NanoNetwork(), images, masks, torch.Generator().manual_seed(seed), autocast=False)


def test_a_repeated_object_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    given = rounds()
    given.absent = torch.zeros(6, dtype=torch.bool)
    monkeypatch.setattr(given, "_draw", lambda share: torch.ones(6, dtype=torch.bool))
    logits = torch.stack([k * torch.ones(4, 32, 32) for k in range(6)])
    others = given._others(RoundResult(torch.zeros(6), torch.zeros(6), logits, torch.zeros(6, 4)))
    assert [float(other[0, 0].logit().round()) for other in others] == [1, 2, 1, 4, 5, 4]


def test_an_object_that_shall_be_absent_is_known_from_another_scene_and_not_prompted() -> None:
    given = rounds()
    plain = given.views.show(0, given._truth(0), torch.ones(6, dtype=torch.bool))
    given.absent = torch.tensor([True, False, False, False, True, False])
    known = given._references()
    for row, source in enumerate([3, 1, 2, 3, 1, 5]):
        assert torch.equal(known.direction[row], plain.direction[source])
        assert torch.equal(known.moments[2][row], plain.moments[2][source])
    goal = given._goal(2).flatten(1).sum(dim=1) > 0
    assert goal.tolist() == [False, True, True, True, False, True]


def test_a_step_teaches_all_that_it_prompts() -> None:
    given = rounds(views=4)
    loss, figures = given.run()
    assert set(figures) == {"loss", "similarity", "iou_find", "iou_follow", "iou_again"}
    assert all(bool(torch.isfinite(value)) for value in figures.values())
    loss.backward()
    idle = [
        name
        for name, value in given.network.named_parameters()
        if value.requires_grad and (value.grad is None or not bool(value.grad.any()))
    ]
    assert idle == []


def test_the_same_seed_prompts_the_same_and_another_does_not() -> None:
    first, again, other = (float(rounds(seed).run()[0].detach()) for seed in (1, 1, 2))
    assert first == again != other


def test_fewer_views_are_followed_less_far() -> None:
    assert set(rounds(views=3).run()[1]) == {"loss", "similarity", "iou_find", "iou_follow"}
