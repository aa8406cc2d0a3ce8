"""PerSAM-F: the weights by which one object's three mask scales are fused (section 3.3), tuned on the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import torch

from vos.errors import VosError
from vos.limits import Checked, Limits
from vos.persam.error_series import ErrorSums
from vos.persam.published import ADAM_EPS, BETAS, WEIGHT_DECAY, tune_by_autograd
from vos.sam.prompting import Guidance, Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding


@dataclass
class FinetuneConfig(Checked):
    """PerSAM-F: two weights per object that fuse the three mask scales."""

    GROUP = "tracker.finetune."
    LIMITS: ClassVar[Limits] = {(1, 100000): "steps", (0, 1): "learning_rate"}

    steps: int = 800  # optimiser steps (video 800, images 1000)
    learning_rate: float = 4e-4  # at the first step, cosine to 0 (video 4e-4, images 1e-3)
    exact: bool = False  # the published autograd loop, bit for bit; slower

    @classmethod
    def parse(cls, value: Any) -> FinetuneConfig | None:
        """Reads the options behind ``tracker.finetune``: None for false, the defaults for true, else as given."""
        if isinstance(value, FinetuneConfig):
            return value
        if value is None or isinstance(value, bool):
            return cls() if value else None
        try:
            return cls(**dict(value))
        except (TypeError, ValueError):
            options = ", ".join(f.name for f in fields(cls))
            raise VosError(f"tracker.finetune={value} is not understood; use true, false or {{{options}}}") from None

    @classmethod
    def image(cls, value: Any) -> FinetuneConfig:
        """Gives the options for photos: 1000 steps at 1e-3, as published, unless ``value`` is a FinetuneConfig."""
        return value if isinstance(value, FinetuneConfig) else cls(steps=1000, learning_rate=1e-3)


def tune_weights(
    logits: torch.Tensor,
    masks: torch.Tensor,
    steps: int = 800,
    learning_rate: float = 4e-4,
    exact: bool = False,
) -> torch.Tensor:
    """Finds w = (1 - w2 - w3, w2, w3) that minimises dice + focal loss of the fused logits against the mask.

    The decoder's answer does not depend on w, so it is decoded once and only the two weights move. The published
    procedure: AdamW, cosine schedule down to 0, both weights starting at 1/3; 800 steps at 4e-4 for video, 1000 at
    1e-3 for images.

    Args:
        logits: float (N, 3, H, W), the multimask logits of the reference image, in original pixels.
        masks: bool (N, H, W), the reference masks.
        steps: optimiser steps.
        learning_rate: at the first step.
        exact: run the published autograd loop, bit for bit; otherwise the slopes come from a few exact passes over
            the pixels and series between them, which is faster and gives the same weights within 1e-5.

    Returns:
        float32 (N, 3), rows sum to 1.
    """
    tune = tune_by_autograd if exact else _tune_by_series
    rows = [
        tune(maps.detach().float().flatten(1), mask.flatten(), steps, learning_rate)
        for maps, mask in zip(logits, masks)
    ]
    return torch.stack(rows)


def fuse(logits: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Adds up weighted mask candidates: (N, 3, ...) by (N, 3) gives (N, ...)."""
    return (logits * weights.view(*weights.shape, *[1] * (logits.ndim - 2)).to(logits)).sum(dim=1)


def _tune_by_series(maps: torch.Tensor, mask: torch.Tensor, steps: int, learning_rate: float) -> torch.Tensor:
    """Does the same steps, on slopes from a series of the loss that is renewed where the weights leave its reach."""
    sums, area = ErrorSums(maps, mask), int(mask.sum())
    free, first, second = np.full(2, 1 / 3), np.zeros(2), np.zeros(2)
    series = sums.expand(free, learning_rate)
    for step in range(steps):
        rate = learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
        if not series.holds(free):
            series = sums.expand(free, rate)
        (missed, added, _), *slopes = series.at(free)
        numerator, denominator = 2 * (area - missed) + 1, 2 * area - missed + added + 1
        pull = numerator / denominator**2
        slope = np.array(slopes) @ [2 / denominator - pull, pull, 1]
        first += (1 - BETAS[0]) * (slope - first)
        second += (1 - BETAS[1]) * (slope * slope - second)
        free *= 1 - rate * WEIGHT_DECAY
        root = np.sqrt(second / (1 - BETAS[1] ** (step + 1)))
        free -= rate * first / (1 - BETAS[0] ** (step + 1)) / (root + ADAM_EPS)
    return torch.tensor([1 - free.sum(), *free], dtype=torch.float32, device=maps.device)


def reference_weights(
    model: Segmenter,
    embedding: ImageEmbedding,
    prompts: Sequence[Prompt],
    masks: torch.Tensor,
    config: FinetuneConfig,
    guidance: Guidance | None = None,
) -> torch.Tensor:
    """Tunes PerSAM-F for N objects of one reference image, which is decoded once.

    Args:
        model: gives three candidates per object.
        embedding: of the reference image.
        prompts: N prompts that do not give the answer away: points, no mask.
        masks: bool (N, H, W), the reference masks in original pixels.
        config: steps and learning rate.
        guidance: of the N objects, where the first call of later frames is guided too.

    Returns:
        float32 (N, 3), see :func:`tune_weights`.
    """
    candidates = model.decode(embedding, prompts, guidance, multimask=True)
    rows = []
    for logits, mask in zip(candidates.logits, masks):  # one at a time: three full-size maps each
        full = embedding.geometry.logits_to_original(logits[None])
        rows.append(tune_weights(full, mask[None], config.steps, config.learning_rate, config.exact))
    return torch.cat(rows)
