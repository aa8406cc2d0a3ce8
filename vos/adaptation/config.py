"""The options of adaptation. Loads no torch: help and scoring read it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vos.limits import Checked, Limits


@dataclass
class AdaptConfig(Checked):
    """Test-time adaptation: before a reference is followed, the decoder is tuned on synthetic views of it (nano)."""

    GROUP = "tracker.adapt."
    LIMITS: ClassVar[Limits] = {
        (0, 1000): "steps views",
        (1, 64): "samples",
        (0, 1): "learning_rate",
        (0, 2**32 - 1): "seed",
    }

    enabled: bool = True  # false = follow at once, with the weights as they are
    steps: int = 45  # of the optimiser, times the root of the number of objects; more = surer, longer learning
    samples: int = 2  # training samples in each step; more = steadier, longer learning on few cores
    learning_rate: float = 8e-4  # the highest, it falls to three tenths; more = adapts more, forgets more
    views: int = 15  # synthetic views of the reference frame; more = more varied practice, longer learning
    seed: int = 0  # of the random numbers; results differ a little from seed to seed
