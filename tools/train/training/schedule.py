"""How long a run lasts, and how its learning rate rises and falls."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

WARM_UP = 100  # steps
LEAST = 0.01  # share of the highest rate that is left in the end


@dataclass(frozen=True)
class Schedule:
    """Warm-up, plateau, linear fall.

    Attributes:
        steps: where the run ends, if its time is not up before.
        decay: the rate falls over this many last steps.
        minutes: after which the run ends, None = whenever it is through; what is drawn stays the same, but how far the
            run gets, and so what it learns, is then up to the machine.
        falling: with ``minutes``, the rate also falls over this last share of the time.
    """

    steps: int
    decay: int
    minutes: float | None = None
    falling: float = 0.5
    begun: float = field(default_factory=lambda: time.monotonic())

    def _time_left(self) -> float:
        """The share of the time that is left."""
        return 1.0 if self.minutes is None else 1 - (time.monotonic() - self.begun) / (60 * self.minutes)

    def rate(self, step: int) -> float:
        """The share of the highest learning rate for a step, from 0."""
        falls = [(self.steps - step) / self.decay]
        if self.minutes is not None and self.falling > 0:
            falls.append(self._time_left() / self.falling)
        return min(1.0, (step + 1) / WARM_UP, max(LEAST, min(falls)))

    def over(self, step: int) -> bool:
        """Whether the run ends before a step."""
        return step >= self.steps or self._time_left() <= 0
