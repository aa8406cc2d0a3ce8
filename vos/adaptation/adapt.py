"""A model that has practised on a reference frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice

import torch

from vos.adaptation.lessons import classroom
from vos.errors import VosError
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, LabelMap


@dataclass
class AdaptConfig:
    """Test-time adaptation: before a reference is followed, the decoder practises on made-up views of it (nano)."""

    enabled: bool = True  # false = follow at once, with the weights as they are
    steps: int = 45  # of the optimiser; times the square root of the number of objects
    questions: int = 2  # in each step, side by side where there are cores
    learning_rate: float = 8e-4  # the highest; it falls to three tenths
    views: int = 15  # made-up views of the reference frame
    seed: int = 0  # of the random numbers; results differ a little from seed to seed

    def __post_init__(self) -> None:
        if self.questions < 1:
            raise VosError(f"tracker.adapt.questions={self.questions} is below 1; the default is 2")


@torch.no_grad()
def adapt(model: Segmenter, frame: Frame, reference: LabelMap, config: AdaptConfig) -> Segmenter:
    """Adapts a model's decoder to the objects of a reference frame.

    Args:
        model: stays as it is. One that cannot be adapted is returned unchanged.
        frame: the reference frame.
        reference: its mask, not empty.
        config: how long, and which random numbers.

    Returns:
        A model whose embeddings are those of ``model``, and whose masks are better for these objects.
    """
    if not (config.enabled and config.steps and model.adaptable):
        return model
    room = classroom(model, frame, reference, config.views, config.seed)
    steps = round(config.steps * math.sqrt(room.objects))
    lessons = room.lessons()
    asked = (list(islice(lessons, config.questions)) for _ in range(steps))
    return model.adapted(asked, steps, config.learning_rate) if steps else model
