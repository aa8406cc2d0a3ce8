"""Signs are told from results: each says what it should, and nothing where nothing is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from moving_square import BLUE, RED, SIDE, SIZE, square

from vos.report.history import ObjectHistory, Seen, SmallFrame, moved_iou
from vos.report.signs import NAMES, Signs
from vos.structures import LabelMap, SegmentedFrame


def told(results: Sequence[SegmentedFrame], given: Sequence[int] = (0,)) -> list[Signs]:
    """The signs of object 1 in each result."""
    history, before, found = ObjectHistory(), None, []
    for number, result in enumerate(results):
        small, score = SmallFrame(result), float(result.predicted_iou[0])
        found.append(history.next(small, Seen(1, score, 0.7, number in given), small.change(before)))
        before = small
    return found


def test_a_square_that_moves_has_nothing_about_it_but_its_score() -> None:
    signs = told([square(0, 10), square(1, 12), square(2, 14)])
    assert signs[0] == Signs()
    for each in signs[1:]:
        assert each.unsure == pytest.approx(0.1)
        others = {name: value for name, value in zip(NAMES, each.values()) if name not in ("unsure", "changed")}
        assert others == dict.fromkeys(others, 0.0)


def test_what_nobody_has_shown_is_known_from_its_first_sight_on() -> None:
    signs = told([square(0, None), square(1, 10, score=0.7)], given=())
    assert signs[0] == Signs()
    assert signs[1] == Signs(unsure=pytest.approx(0.3))


def test_area_and_score_fall() -> None:
    (_, same, small) = told([square(0, 10), square(1, 10), square(2, 10, side=10, score=0.4)])
    assert same.shrank == 0
    assert math.exp(-small.shrank) == pytest.approx(0.25)
    assert math.exp(-small.dwindled) == pytest.approx(0.25)
    assert small.fell == pytest.approx(0.5)
    assert small.deformed == pytest.approx(0.75)
    assert (small.grew, small.lost) == (0, 0)


def test_a_given_mask_is_what_follows_is_measured_by() -> None:
    signs = told([square(0, 10), square(1, 10, side=10), square(2, 10, side=10)], given=(0, 1))
    assert (signs[1].dwindled, signs[2].dwindled) == (0, 0)


def test_lost_missed_and_found_again() -> None:
    signs = told([square(0, 10), square(1, None), square(2, None), square(3, 10)])
    assert [each.lost for each in signs] == [0, 1, 0, 0]
    assert [each.found_again for each in signs] == [0, 0, 0, 1]
    assert [round(math.exp(each.missed)) - 1 for each in signs[1:3]] == [1, 2]
    assert (signs[1].large, signs[1].inside, signs[1].rejected, signs[3].rejected) == (1, 1, 0.7, 0)


def test_what_left_at_the_edge_was_not_inside() -> None:
    assert told([square(0, 10), square(1, SIZE[1] - SIDE), square(2, None)])[2].inside == 0


def test_its_colours_are_seen_where_nobody_is() -> None:
    gone = told([square(0, 10), square(1, None, shown=False)])[1]
    there = told([square(0, 10), square(1, None, shown=True)])[1]
    assert gone.coloured == 0
    assert there.coloured == pytest.approx(1.0)


def test_a_mask_on_the_ground_has_strange_colours() -> None:
    wrong = square(1, 12)
    wrong.frame.rgb[:] = BLUE
    signs = told([square(0, 10), wrong])[1]
    assert signs.strange == pytest.approx(1.0)
    assert signs.background == pytest.approx(1.0)


def test_pieces_lie_apart() -> None:
    broken = square(1, 10)
    broken.label_map.labels[20:40, 14:16] = 0
    assert told([square(0, 10), broken])[1].apart == pytest.approx(4 / 18)


def test_a_cut_changes_the_picture() -> None:
    after = square(1, 10)
    after.frame.rgb[:] = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    assert told([square(0, 10), after])[1].changed > 10 * told([square(0, 10), square(1, 11)])[1].changed


def test_what_counts_is_bounded_and_what_is_said_is_not() -> None:
    signs = told([square(0, 10), square(1, 10, side=2)])[1]
    assert math.exp(-signs.shrank) == pytest.approx(0.01)
    assert signs.values()[NAMES.index("shrank")] == 1.5


def test_a_mask_is_moved_onto_the_next() -> None:
    one, other = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    one[2:6, 2:6], other[9:13, 12:16] = True, True
    assert moved_iou(one, other) == 1
    other[9:13, 14:16] = False
    assert moved_iou(one, other) == pytest.approx(0.5)
    assert moved_iou(one, np.zeros((20, 20), bool)) == 0


def test_what_has_touched_its_like_stays_doubtful() -> None:
    def pair(index: int, x: int, colour: tuple[int, int, int]) -> SegmentedFrame:
        result = square(index, 10)
        result.label_map.labels[20:40, x : x + SIDE] = 2
        result.frame.rgb[20:40, x : x + SIDE] = colour
        label_map, scores = LabelMap(result.label_map.labels, (1, 2)), np.array([0.9, 0.9], np.float32)
        return replace(result, label_map=label_map, predicted_iou=scores, presence=result.presence * 2)

    def mixed(colour: tuple[int, int, int], places: Sequence[int]) -> list[float]:
        one, other, found = ObjectHistory(), ObjectHistory(), []
        for index, x in enumerate(places):
            small = SmallFrame(pair(index, x, colour))
            looks = [other.look] if 2 in small.touching(1) and other.look is not None else []
            found.append(one.next(small, Seen(1, 0.9, is_given=not index, touched=looks), 0.0).mixed)
            other.next(small, Seen(2, 0.9, is_given=not index), 0.0)
        return found

    assert mixed(RED, [50, 45, 30, 45]) == pytest.approx([0, 0, 1, 1])
    assert mixed((30, 200, 30), [50, 45, 30, 45]) == pytest.approx([0, 0, 0, 0])
