"""A second look at the mirrored frame: the mean of both answers, for twice the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry
from vos.persam.location_prior import locate
from vos.sam.prompting import Prompt
from vos.sam.segmenter import Segmenter
from vos.structures import TargetFeature
from vos.tracking.observation import Sight


def look_mirrored(
    model: Segmenter,
    rgb: npt.NDArray[np.uint8],
    sights: Sequence[Sight],
    targets: Sequence[TargetFeature],
    expected: Sequence[torch.Tensor | None],
) -> list[Sight]:
    """Averages each object's logits with those from the mirrored frame.

    Args:
        model: encodes and decodes the mirrored frame.
        rgb: uint8 (H, W, 3), the frame.
        sights: N first looks, in the whole frame.
        targets: what is known of the N objects.
        expected: N low-res logits (h2, w2) of the earlier masks, None for lost objects.
    """
    embedding = model.encode([np.ascontiguousarray(rgb[:, ::-1])])[0]
    geometry = embedding.geometry
    prior = locate(embedding, targets, model.guidance_fields)
    none = np.zeros((0, 2), np.float32), np.zeros(0, np.int64)
    prompts = [Prompt(*none, mask_logits=None if mask is None else mirrored(mask, geometry)) for mask in expected]
    answer = model.decode(embedding, prompts, prior.guidance, multimask=False)
    averaged = []
    for sight, logits, quality in zip(sights, answer.logits[:, 0].float(), answer.predicted_iou[:, 0].tolist()):
        mean = (sight.logits + mirrored(logits, geometry)) / 2
        averaged.append(replace(sight, window=None, logits=mean, predicted_iou=(sight.predicted_iou + quality) / 2))
    return averaged


def mirrored(logits: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """Low-res logits (h2, w2) left and right exchanged; the padding stays where it is."""
    columns = -(-geometry.input_size[1] // geometry.logit_stride)
    result = logits.clone()
    result[:, :columns] = logits[:, :columns].flip(1)
    return result
