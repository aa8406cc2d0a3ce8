"""The options of adaptation. Loads no torch: help and scoring read it, too."""

from __future__ import annotations

from dataclasses import dataclass

from vos.errors import VosError


@dataclass
class AdaptConfig:
    """Test-time adaptation: before a reference is followed, the decoder is tuned on synthetic views of it (nano)."""

    enabled: bool = True  # false = follow at once, with the weights as they are
    steps: int = 45  # of the optimiser, times the root of the number of objects; more = surer, longer learning
    samples: int = 2  # training samples in each step; more = steadier, longer learning on few cores
    learning_rate: float = 8e-4  # the highest, it falls to three tenths; more = adapts more, forgets more
    views: int = 15  # synthetic views of the reference frame; more = more varied practice, longer learning
    seed: int = 0  # of the random numbers; results differ a little from seed to seed

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise VosError(f"tracker.adapt.samples={self.samples} is below 1; use 1 or more")
