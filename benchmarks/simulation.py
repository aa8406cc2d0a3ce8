"""A batch on many workers as events: who takes which clip when, who is slow, who is lost, and what is done again.

Costs are seconds: a clip takes a part of its own and a part for each frame. A worker that is lost begins anew after a
while and goes on with its clip from the last saved state. Known costs and lengths in, time and work out; it is checked
against measured batches by benchmarks/scale.py.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """What work takes on one core.

    Attributes:
        start: seconds until a worker has loaded its model.
        clip: seconds of each clip, whatever its length.
        frame: seconds of each frame.
    """

    start: float
    clip: float
    frame: float

    def of(self, frames: float) -> float:
        """Seconds of a clip."""
        return self.clip + self.frame * frames


@dataclass(frozen=True)
class Trouble:
    """What goes wrong.

    Attributes:
        spread: of the speed of one clip and another; the standard deviation of the logarithm.
        slow: share of the workers that are slow, and by which factor.
        losses: of a worker, in an hour.
        again: seconds until a lost one is replaced.
        state: seconds between two saved states.
    """

    spread: float = 0.0
    slow: tuple[float, float] = (0.0, 1.0)
    losses: float = 0.0
    again: float = 120.0
    state: float = 10.0


@dataclass(frozen=True)
class Simulated:
    """What a simulated batch took.

    Attributes:
        seconds: from its begin to its end.
        busy: seconds of all workers at work, what was lost included.
        lost: seconds of work that was done again, and of starting again.
    """

    seconds: float
    busy: float
    lost: float


def simulate(
    frames: Sequence[float],
    workers: int,
    costs: Costs,
    trouble: Trouble = Trouble(),
    seed: int = 0,
    shards: bool = False,
) -> Simulated:
    """Simulates a batch.

    Args:
        frames: of each clip.
        workers: each with one core.
        costs: of the work.
        trouble: what goes wrong.
        seed: of what is drawn.
        shards: each worker has its own share of the list; otherwise whoever is idle takes the next clip.
    """
    draw = random.Random(seed)
    speeds = [trouble.slow[1] if draw.random() < trouble.slow[0] else 1.0 for _ in range(workers)]
    lists = [deque(frames[index::workers]) for index in range(workers)] if shards else [deque(frames)] * workers
    idle = [(costs.start * speed, index) for index, speed in enumerate(speeds)]
    heapq.heapify(idle)
    end = busy = lost = 0.0
    while idle:
        now, index = heapq.heappop(idle)
        if not lists[index]:
            continue
        seconds = costs.of(lists[index].popleft()) * speeds[index] * draw.lognormvariate(0, trouble.spread)
        wasted = _wasted(seconds, costs.start * speeds[index], trouble, draw)
        busy, lost, end = busy + seconds + wasted, lost + wasted, max(end, now + seconds + wasted)
        heapq.heappush(idle, (now + seconds + wasted, index))
    return Simulated(end, busy, lost)


def _wasted(seconds: float, start: float, trouble: Trouble, draw: random.Random) -> float:
    """Seconds that a clip takes longer because its worker is lost, perhaps several times."""
    wasted, left = 0.0, seconds
    while trouble.losses and (until := draw.expovariate(trouble.losses / 3600)) < left:
        since = min(until, draw.uniform(0, trouble.state))  # work since the last saved state
        wasted += trouble.again + start + since
        left -= until - since
    return wasted
