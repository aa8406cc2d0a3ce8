"""When a run ends, and how fast it learns until then."""

from __future__ import annotations

import pytest
from training import schedule
from training.schedule import Schedule


def test_the_rate_rises_stays_and_falls() -> None:
    plan = Schedule(steps=1000, decay=400)
    assert [plan.rate(step) for step in (0, 49, 99, 600)] == [0.01, 0.5, 1.0, 1.0]
    assert plan.rate(800) == pytest.approx(0.5)
    assert plan.rate(999) == pytest.approx(0.01)
    assert not plan.over(999)
    assert plan.over(1000)


def test_the_clock_ends_a_run_with_a_rate_that_has_fallen(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(schedule.time, "monotonic", lambda: now[0])
    plan = Schedule(steps=10**6, decay=1, minutes=10, falling=0.4)
    seen = []
    for minute in (1, 6, 8, 9.99, 10):
        now[0] = 100 + 60 * minute
        seen.append((round(plan.rate(5000), 2), plan.over(5000)))
    assert seen == [(1.0, False), (1.0, False), (0.5, False), (0.01, False), (0.01, True)]


def test_a_clock_without_a_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule.time, "monotonic", lambda: 0.0)
    plan = Schedule(steps=10**6, decay=1, minutes=1, falling=0)
    monkeypatch.setattr(schedule.time, "monotonic", lambda: 59.0)
    assert plan.rate(5000) == 1.0
    assert not plan.over(5000)
