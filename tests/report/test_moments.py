"""Moments lie apart and are the worst of theirs; previews stay few however long the video is."""

from __future__ import annotations

import itertools

from moving_square import square

from vos.report.checks import Check
from vos.report.moments import PREVIEWS, SHOWN, Moments, Previews


def picked(values: list[float], count: int | None = None) -> list[int]:
    """The moments' positions among frames with these chances to be right."""
    moments = Moments(count)
    for order, value in enumerate(values):
        moments.add(Check(order, f"{order}", order, order / 25, 1, "object_1", 1 - value, ""), square(order, 10))
    return [each.check.order for each in moments.ranked()]


def test_the_worst_of_each_stretch_worst_first() -> None:
    values = [0.9] * 60
    values[20], values[22], values[41] = 0.5, 0.3, 0.1
    assert picked(values)[:2] == [41, 22]
    assert 20 not in picked(values)
    orders = sorted(picked(values))
    assert min(b - a for a, b in itertools.pairwise(orders)) >= 10


def test_only_so_many_are_kept_and_these_are_the_worst() -> None:
    values = [1 - k / 1000 for k in range(400)]
    found = picked(values)
    assert len(found) == SHOWN
    assert found[0] == 399
    assert found == sorted(found, reverse=True)


def test_in_a_short_video_moments_lie_closer() -> None:
    assert picked([0.9, 0.2, 0.9, 0.3, 0.9], count=5)[:2] == [1, 3]


def test_pictures_are_small_and_show_the_mask() -> None:
    moments = Moments()
    moments.add(Check(0, "0", 0, 0.0, 1, "object_1", 0.9, ""), square(0, 10))
    (moment,) = moments.ranked()
    assert moment.picture.shape == (60, 80, 3)
    assert (moment.picture != square(0, 10).frame.rgb).any()


def test_previews_are_spread_evenly() -> None:
    for count in (1, 5, 8, 9, 100, 1000):
        previews = Previews()
        for order in range(count):
            previews.add(order, square(order, 10))
        times = [float(time.removesuffix(" s")) for time, _ in previews.pictures()]
        assert min(count, PREVIEWS // 2) <= len(times) <= PREVIEWS
        assert times[0] == 0
        assert len({round(b - a, 2) for a, b in itertools.pairwise(times)}) <= 1
        assert times[-1] >= 0.45 * (count - 1) / 25
