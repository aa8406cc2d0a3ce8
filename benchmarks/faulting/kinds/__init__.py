"""The kinds of faults; each is a grid of choices, from which attempts are drawn, and says what is right.

A kind sees the bench and what every kind sees: material, scene, sandbox, judge.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faulting.bench import Bench
from faulting.judge import Verdict

Choice = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: as in the table.
        weight: share of the attempts.
        grid: every choice that an attempt makes, with its values, all equally likely; choices multiply.
        attempt: does it. A number of its own comes with each attempt, for what the grid cannot list (positions).
    """

    name: str
    weight: int
    grid: Mapping[str, Sequence[Any]]
    attempt: Callable[[Bench, Choice, random.Random], Verdict]

    @property
    def size(self) -> int:
        """How many combinations of choices there are."""
        total = 1
        for values in self.grid.values():
            total *= len(values)
        return total

    def draw(self, rng: random.Random) -> dict[str, Any]:
        """One of them."""
        return {name: rng.choice(values) for name, values in self.grid.items()}
