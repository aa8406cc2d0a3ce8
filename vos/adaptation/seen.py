"""What a view with known masks shows of its objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vos.adaptation.views import View
from vos.persam.target_feature import observed_targets
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, TargetFeature


@dataclass(frozen=True, slots=True)
class Seen:
    """One view: its embedding, each object's low-res mask (N, h2, w2), and what it shows of those that are in it."""

    embedding: ImageEmbedding
    masks: torch.Tensor
    targets: list[TargetFeature | None]


@torch.no_grad()
def look(model: Segmenter, view: View, object_ids: Sequence[int]) -> Seen:
    """Encodes a view, and notes what it shows of each object."""
    (embedding,) = model.encode([view.rgb])
    own = torch.from_numpy(np.stack([view.labels == object_id for object_id in object_ids]))
    masks = embedding.geometry.mask_to_low_res(own).to(embedding.features.device, torch.float32)
    shown = [k for k, mask in enumerate(masks) if bool((mask > 0).any())]
    targets: list[TargetFeature | None] = [None] * len(masks)
    for k, target in zip(shown, observed_targets(embedding, masks[shown]) if shown else []):
        targets[k] = target
    return Seen(embedding, masks, targets)
