"""Clicks, boxes and scribbles: read as meant, or refused in one line."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vos.errors import VosError
from vos.io.prompts.clicks import SAMPLES, Names, along, make_prompt, read_clicks, read_scribble

SIZE, NAMES = (48, 64), Names()
inside = st.tuples(st.floats(0, 63.5), st.floats(0, 47.5))


def test_one_click_or_several_with_labels_of_their_own_or_beside_them() -> None:
    assert read_clicks([15, 23], SIZE, NAMES) == [(15, 23, 1)]
    assert read_clicks((15, 23, 0), SIZE, NAMES) == [(15, 23, 0)]
    assert read_clicks([[15, 23], [1, 2, 0], [3, 4, 1]], SIZE, NAMES) == [(15, 23, 1), (1, 2, 0), (3, 4, 1)]
    assert read_clicks([[15, 23], [1, 2]], SIZE, NAMES, [0, 1]) == [(15, 23, 0), (1, 2, 1)]
    assert read_clicks([15, 23], SIZE, NAMES, 1) == [(15, 23, 1)]
    assert read_clicks(((np.float32(1.5), np.int64(2)),), SIZE, NAMES) == [(1.5, 2, 1)]


@pytest.mark.parametrize(
    ("value", "labels", "message"),
    [
        ([], None, r"ref_point=\[\] is not \[x, y\] inside the frame, 64 x 48 pixels"),
        ("ab", None, 'ref_point="ab" is not'),
        ([True, False], None, r"ref_point=\[true, false\] is not"),
        ([1, 10**400], None, r"ref_point=\[1, 1000"),
        ([[1, 2], [1, 2, 3, 4]], None, r"ref_point\[1\]=\[1, 2, 3, 4\] is not"),
        ([[1, 2], 3], None, r"ref_point\[1\]=3 is not"),
        ([1, 2, 0.5], None, r"ref_point=\[1, 2, 0.5\] ends in 0.5; give \[x, y\]"),
        ([1, 2, 0], [1], "says itself whether it is on the object; leave out ref_point_label"),
        ([[1, 2], [3, 4]], [1], r"ref_point_label=\[1\] does not fit 2 clicks; give one number for each"),
        ([[1, 2]], ["x"], 'ref_point_label has "x"; a click is 1 = on the object, or 0 = not on it'),
        ([[1, 2]], [True], "ref_point_label has true; a click is 1"),
        ([[1, 2]] * 201, None, "has 201 clicks; give at most 200"),
    ],
)
def test_no_clicks(value: object, labels: object, message: str) -> None:
    with pytest.raises(VosError, match=message) as caught:
        read_clicks(value, SIZE, NAMES, labels)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(VosError, match=r"click at \[1, 2\] is on the object and not on it"):
        make_prompt([(1.2, 2.9, 1), (1.9, 2.1, 0)], None, SIZE, NAMES)
    with pytest.raises(VosError, match="all clicks are beside the object; give at least one on it, or a box"):
        make_prompt([(1, 2, 0)], None, SIZE, NAMES)
    with pytest.raises(VosError, match=r"click at \[1, 2\] on the object is outside its box"):
        make_prompt([(1, 2, 1)], [5, 5, 4, 4], SIZE, NAMES)
    boxed = make_prompt([(1, 2, 0)], [5, 5, 4, 4], SIZE, NAMES, candidate=3)
    assert (boxed.labels.tolist(), boxed.candidate) == ([0], 2)
    for wrong in (0, 4, True, "2", 1.0):
        with pytest.raises(VosError, match="is no candidate; choose 1, 2 or 3"):
            make_prompt([(1, 2, 1)], None, SIZE, NAMES, candidate=wrong)


def test_a_scribble_is_clicks_along_the_line() -> None:
    assert read_scribble([[5, 6]], "scribble", SIZE, 1) == [(5, 6, 1)]
    assert read_scribble([[0, 10], [16, 10]], "scribble", (100, 100), 0) == [
        (2, 10, 0),
        (6, 10, 0),
        (10, 10, 0),
        (14, 10, 0),
    ]
    bent = read_scribble([[0, 0], [40, 0], [40, 40]], "scribble", SIZE, 1)
    assert bent == [(5, 0, 1), (15, 0, 1), (25, 0, 1), (35, 0, 1), (40, 5, 1), (40, 15, 1), (40, 25, 1), (40, 35, 1)]
    assert read_scribble([[[5, 6]], [[7, 8]]], "scribble", SIZE, 1) == [(5, 6, 1), (7, 8, 1)], "two lines"
    with pytest.raises(VosError, match=r"scribble\[1\]\[0\]=\[64, 8\] is not \[x, y\] inside"):
        read_scribble([[[5, 6]], [[64, 8]]], "scribble", SIZE, 1)
    for wrong in ([], 5, "ab", [5, 6], [[]], [[[]]]):
        with pytest.raises(VosError, match="scribble"):
            read_scribble(wrong, "scribble", SIZE, 1)


@given(st.lists(inside, min_size=1, max_size=9))
def test_points_along_a_line_lie_on_it_and_apart(line: list[tuple[float, float]]) -> None:
    points = along(line, 2.0)
    assert 1 <= len(points) <= SAMPLES
    corners = line if len(line) > 1 else line * 2
    for x, y in points:
        distances = []
        for (x0, y0), (x1, y1) in pairwise(corners):
            length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-12)
            t = min(1.0, max(0.0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length))
            distances.append(math.hypot(x - x0 - t * (x1 - x0), y - y0 - t * (y1 - y0)))
        assert min(distances) < 1e-3
