"""The simulation of a batch gives what can be worked out by hand, and trouble costs what it should."""

from __future__ import annotations

import pytest
from scale import Measured
from simulation import Costs, Trouble, simulate

COSTS = Costs(start=2.0, clip=1.0, frame=0.5)


def test_clips_are_taken_by_whoever_is_idle() -> None:
    made = simulate([10, 2, 2, 2], 2, COSTS)  # 6 s | 2 + 2 + 2 s, after 2 s of starting
    assert (made.seconds, made.busy, made.lost) == (8, 12, 0)


def test_a_shard_keeps_what_is_its_own() -> None:
    assert simulate([10, 2, 10, 2], 2, COSTS, shards=True).seconds == 2 + 12
    assert simulate([10, 2, 10, 2], 2, COSTS).seconds == 2 + 2 + 6


def test_a_slow_worker_is_slow_in_everything() -> None:
    assert simulate([10], 1, COSTS, Trouble(slow=(1.0, 2.0))).seconds == 16


def test_lost_workers_cost_what_they_did_since_the_last_state() -> None:
    calm, made = (simulate([3600] * 200, 10, COSTS, Trouble(losses=losses, again=60, state=10)) for losses in (0, 1))
    losses = calm.busy / 3600  # one an hour
    assert made.lost == pytest.approx(losses * (60 + 2 + 5), rel=0.15)
    assert made.busy == pytest.approx(calm.busy + made.lost)
    assert simulate([9], 3, COSTS, Trouble(losses=1), seed=1) == simulate([9], 3, COSTS, Trouble(losses=1), seed=1)


def test_costs_are_those_that_fit() -> None:
    measured = Measured(2 + 9, [(10, 6), (2, 2), (6, 4), (10, 6)], 100)
    costs = measured.costs
    assert (costs.start, costs.clip, costs.frame) == pytest.approx((2, 1, 0.5))
    assert measured.spread == pytest.approx(0, abs=1e-9)
