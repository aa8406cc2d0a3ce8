"""The memory is bounded, gated, and weighs its views by recency."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vos.errors import VosError
from vos.persam.target_feature import target_feature
from vos.structures import Presence, TargetFeature
from vos.tracking.config import MemoryConfig
from vos.tracking.memory import Memory


def view(seed: int) -> TargetFeature:
    features = torch.randn(6, 4, 5, generator=torch.Generator().manual_seed(seed))
    return target_feature(features, (torch.arange(20) < 6).float().view(4, 5))


def memory(**options: object) -> Memory:
    made = Memory(MemoryConfig(**options))  # type: ignore[arg-type]
    made.add_reference(view(0), area=100)
    return made


def test_only_the_reference_at_first() -> None:
    ((target, weight),) = memory().views()
    assert torch.equal(target.embedding, view(0).embedding)
    assert weight == 1


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 4), st.integers(1, 3), st.integers(0, 9))
def test_weights_sum_to_one_and_size_is_bounded(
    momentum: float, weight: float, size: int, references: int, admissions: int
) -> None:
    made = Memory(MemoryConfig(momentum=momentum, weight=weight, size=size))
    for seed in range(references):
        made.add_reference(view(seed), 100)
    for seed in range(admissions):
        if made.update(100, 0.9, Presence.PRESENT):
            made.admit(view(seed))
    assert len(made.recent) <= size
    assert len(made.areas) <= made.config.area_window
    assert sum(share for _, share in made.views()) == pytest.approx(1)


def test_older_views_fade_by_momentum() -> None:
    made = memory(momentum=0.5, weight=0.7, size=3)
    for seed in (1, 2, 3, 4):
        made.admit(view(seed))
    weights = [share for _, share in made.views()]
    assert weights == pytest.approx([0.3, 0.7 / 7, 0.7 * 2 / 7, 0.7 * 4 / 7])
    assert torch.equal(made.views()[-1][0].embedding, view(4).embedding)
    assert torch.equal(made.views()[1][0].embedding, view(2).embedding)  # the first admission has gone


def test_two_references_share_equally() -> None:
    made = memory(weight=0.5)
    made.add_reference(view(1), 80)
    made.admit(view(2))
    assert [share for _, share in made.views()] == pytest.approx([0.25, 0.25, 0.5])


@pytest.mark.parametrize(
    ("area", "predicted_iou", "presence", "admitted"),
    [
        (100, 0.9, Presence.PRESENT, True),
        (100, 0.59, Presence.PRESENT, False),
        (100, 0.9, Presence.UNCERTAIN, False),
        (0, 0.0, Presence.ABSENT, False),
        (151, 0.9, Presence.PRESENT, False),
        (66, 0.9, Presence.PRESENT, False),
        (149, 0.9, Presence.PRESENT, True),
        (67, 0.9, Presence.PRESENT, True),
    ],
)
def test_gates(area: float, predicted_iou: float, presence: Presence, admitted: bool) -> None:
    made = memory(min_predicted_iou=0.6, area_change=0.5, interval=1)
    assert made.update(area, predicted_iou, presence) is admitted


def test_a_frame_far_below_the_usual_predicted_iou_is_not_admitted_until_that_is_usual() -> None:
    made = memory(iou_share=0.8, iou_window=6, min_predicted_iou=0.1, interval=1)
    assert all(made.update(100, 0.9, Presence.PRESENT) for _ in range(6))
    assert made.update(100, 0.73, Presence.PRESENT)
    resumed = memory(iou_share=0.8, iou_window=6, min_predicted_iou=0.1, interval=1)
    resumed.restore(made.state(), torch.device("cpu"))
    for each in (made, resumed):
        later = [each.update(100, 0.6, Presence.PRESENT) for _ in range(4)]
        assert later == [False, False, True, True]
    careless = memory(iou_share=0, min_predicted_iou=0.1, interval=1)
    assert all(careless.update(100, iou, Presence.PRESENT) for iou in (0.9, 0.9, 0.2))


def test_area_gate_follows_a_lasting_change() -> None:
    made = memory(area_change=0.5, area_window=3)
    verdicts = [made.update(300, 0.9, Presence.PRESENT) for _ in range(4)]
    assert verdicts == [False, True, True, True] or verdicts == [False, False, True, True]


def test_interval_spaces_admissions() -> None:
    made = memory(interval=3)
    admitted = []
    for t in range(9):
        if made.update(100, 0.9, Presence.PRESENT):
            made.admit(view(t))
            admitted.append(t)
    assert admitted == [2, 5, 8]


def test_disabled_memory_admits_nothing() -> None:
    assert not memory(enabled=False).update(100, 0.9, Presence.PRESENT)


def test_cells_that_match_a_known_background_do_not_agree() -> None:
    axes = torch.eye(6)
    features = torch.stack([axes[0], axes[1], axes[2], axes[0]], dim=1).view(
        6, 2, 2
    )  # object, look-alike, ground, object
    made = Memory(MemoryConfig())
    made.add_reference(target_feature(features, torch.tensor([[1.0, 0], [0, 1]])), area=2)
    # Next frame: the mask covers the object, the look-alike, and something never seen that is nearer to the object.
    unseen = axes[0] + 0.5 * axes[3]
    later = torch.stack([axes[0], axes[1], unseen, axes[1]], dim=1).view(6, 2, 2)
    agrees = made.background_filter(later, torch.tensor([[1.0, 1], [0.2, 0]]))
    assert agrees.tolist() == [[True, False], [True, False]]


def test_state_round_trip() -> None:
    made = memory(interval=4)
    made.admit(view(1))
    made.update(120, 0.9, Presence.PRESENT)
    other = Memory(made.config)
    other.restore(made.state(), torch.device("cpu"))
    assert (other.areas, other.waited) == (made.areas, made.waited)
    for (a, wa), (b, wb) in zip(made.views(), other.views(), strict=True):
        assert wa == wb
        assert torch.equal(a.foreground, b.foreground)
        assert torch.equal(a.background, b.background)


def test_an_object_that_grows_fast_does_not_wait() -> None:
    made = memory(interval=10, growth=0.1)
    assert not made.update(105, 0.9, Presence.PRESENT)
    assert made.update(120, 0.9, Presence.PRESENT), "a fifth larger than the reference"
    made.admit(view(1))
    assert not made.update(125, 0.9, Presence.PRESENT), "hardly larger than the view before"
    assert made.update(100, 0.9, Presence.PRESENT), "smaller again"


@pytest.mark.parametrize("option", [{"iou_share": 1.1}, {"iou_share": -0.1}, {"iou_window": 0}, {"area_window": -3}])
def test_gates_that_mean_nothing_are_refused(option: dict[str, float]) -> None:
    ((name, value),) = option.items()
    with pytest.raises(VosError, match=rf"tracker\.memory\.{name}={value}"):
        MemoryConfig(**option)  # type: ignore[arg-type]
