"""Timelines are bounded, and no dip is lost in them."""

from __future__ import annotations

import pytest

from vos.report.timeline import HEIGHT, POINTS, WIDTH, Series, line, parts, points_each, spans
from vos.structures import PRESENCES, Presence


def points(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())]


def test_a_short_line_has_every_value() -> None:
    assert points(line([0.0, 1.0, 0.25])) == [(0, HEIGHT), (WIDTH / 2, 0), (WIDTH, 0.75 * HEIGHT)]
    assert points(line([0.5])) == [(0, HEIGHT / 2)]


def test_a_long_line_is_thinned_and_keeps_its_dip() -> None:
    values = [0.9] * 5000
    values[3333] = 0.1
    found = points(line(values))
    assert len(found) == POINTS
    assert max(y for _, y in found) == pytest.approx(0.9 * HEIGHT)
    (at,) = (x for x, y in found if y > 0.5 * HEIGHT)
    assert at == pytest.approx(WIDTH * 3333 / 4999, abs=WIDTH / POINTS)


def test_parts_leave_nothing_out() -> None:
    for count in (1, 7, 400, 401, 12345):
        covered = [k for each in parts(count, 400) for k in range(each.start, each.stop)]
        assert covered == list(range(count))


def test_spans_join_equal_presences_and_show_the_one_that_matters() -> None:
    series = Series(before=1)
    for presence in (Presence.PRESENT, Presence.PRESENT, Presence.UNCERTAIN):
        series.add(0.9, 0.8, presence)
    assert len(series) == 4
    assert list(spans(series.presences)) == [("absent", 0, 250), ("present", 250, 500), ("uncertain", 750, 250)]
    assert list(spans(series.presences, most=2)) == [("absent", 0, 500), ("uncertain", 500, 500)]
    assert PRESENCES[-1] is Presence.ABSENT  # the greatest number is what matters most


def test_many_objects_have_fewer_points_each() -> None:
    assert points_each(1) == POINTS
    assert points_each(255) * 255 < 13_000
