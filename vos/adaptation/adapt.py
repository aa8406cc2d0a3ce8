"""A model that has practised on a reference frame."""

from __future__ import annotations

import math
from itertools import islice

import torch

from vos.adaptation.lessons import classroom
from vos.sam.segmenter import Segmenter
from vos.structures import Frame, LabelMap
from vos.tracking.config import AdaptConfig


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
    room = classroom(model, frame, reference, config)
    steps = round(config.steps * math.sqrt(room.objects))
    lessons = room.lessons()
    asked = (list(islice(lessons, config.questions)) for _ in range(steps))
    return model.adapted(asked, steps, config.learning_rate) if steps else model
