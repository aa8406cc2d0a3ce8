"""The surest views come from all over the video, in bounded memory, and survive an interruption."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from vos.structures import TargetFeature
from vos.tracking.highlights import Highlights


def view(number: int) -> TargetFeature:
    value = torch.full((2,), float(number))
    return TargetFeature(value, value, value[None], value[None], value)


def numbers(views: list[TargetFeature]) -> list[int]:
    return [int(each.embedding[0]) for each in views]


def collected(qualities: list[float], spans: int = 4) -> Highlights:
    made = Highlights(spans)
    for number, quality in enumerate(qualities):
        made.note(view(number), quality)
    return made


def test_the_surest_view_of_each_part() -> None:
    assert numbers(collected([0.1, 0.9, 0.5, 0.6, 0.8, 0.7], spans=6).best(3)) == [1, 3, 4]


def test_fewer_views_than_parts_are_all_there_is() -> None:
    assert numbers(collected([0.4, 0.3]).best(3)) == [0, 1]
    assert collected([]).best(3) == []
    assert collected([0.4, 0.3]).best(0) == []


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=70), st.integers(1, 3))
def test_memory_is_bounded_order_is_kept_and_the_best_is_never_lost(qualities: list[float], count: int) -> None:
    made = collected(qualities)
    assert len(made.items) <= 4
    best = numbers(made.best(count))
    assert best == sorted(set(best)) and len(best) <= count
    assert qualities.index(max(qualities)) in best


def test_late_views_have_their_place_in_long_videos() -> None:
    best = numbers(collected([0.5] * 400 + [0.4] * 400).best(2))
    assert best[0] < 400 <= best[1]


@settings(deadline=None)
@given(st.integers(0, 30))
def test_going_on_from_a_state_is_the_same(cut: int) -> None:
    qualities = [((7 * k) % 31) / 31 for k in range(31)]
    whole, part = collected(qualities), collected(qualities[:cut])
    restored = Highlights(4)
    restored.restore(load(save(part.state())), torch.device("cpu"))
    for number in range(cut, 31):
        restored.note(view(number), qualities[number])
    assert numbers(restored.best(3)) == numbers(whole.best(3))
