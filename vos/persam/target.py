"""What the object looks like: target features pooled over the reference mask (PerSAM, section 3.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image

from vos.persam.target_model import coverage_at, moments, scales
from vos.structures import Geometry, ImageEmbedding, TargetFeature

Pooling = Literal["mean", "max_mean"]
"""``mean``: image PerSAM. ``max_mean``: (max + mean) / 2 per channel, PerSAM-F and both video variants."""

RED_MEAN, RED_STD = 123.675, 58.395  # of SAM's preprocessing
BACKGROUND_COVERAGE = 0.05  # a cell covered less than this by the object counts as background


def target_feature(features: torch.Tensor, coverage: torch.Tensor, pooling: Pooling = "max_mean") -> TargetFeature:
    """Pools the features of one object.

    Args:
        features: float (C, h, w) on the embedding grid.
        coverage: float (h, w) in [0, 1], the share of each cell that the object covers; not all zero.
        pooling: how the covered cells become one vector.

    Returns:
        The target feature. Where no cell is at least half covered (tiny objects) the best-covered cells stand in,
        so that there is always at least one.
    """
    cells = features.flatten(1)
    weight = coverage.flatten().to(cells.dtype)
    unit = F.normalize(cells, dim=0)
    inside = weight > min(0.5, 0.8 * float(weight.max()))
    outside = weight < BACKGROUND_COVERAGE
    chosen = cells[:, inside]
    embedding = chosen.mean(dim=1)
    if pooling == "max_mean":
        embedding = (embedding + chosen.amax(dim=1)) / 2
    return TargetFeature(
        embedding=embedding,
        direction=F.normalize(embedding, dim=0),
        foreground=unit[:, inside].T.contiguous(),
        background=unit[:, outside].T.contiguous(),
        background_direction=F.normalize((cells * outside).sum(dim=1), dim=0),
    )


def observed_target(embedding: ImageEmbedding, mask: torch.Tensor, pooling: Pooling = "max_mean") -> TargetFeature:
    """What an image shows of an object, the target model's moments included.

    Args:
        embedding: of the image.
        mask: float (h2, w2) in [0, 1], the share of each low-res cell that the object covers; not all zero.
        pooling: see :func:`target_feature`.
    """
    geometry, features = embedding.geometry, embedding.features
    mask = mask.to(features.device, torch.float32)
    coverage = F.avg_pool2d(mask[None], geometry.grid_stride // geometry.logit_stride)[0]
    target = target_feature(features, coverage, pooling)
    return replace(target, moments=observed_moments(embedding, mask))


def observed_moments(embedding: ImageEmbedding, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The target model's moments of an object in an image, per scale; see :func:`observed_target`."""
    if not embedding.levels:
        return ()
    seen = scales(embedding.features, embedding.levels)
    return tuple(moments(scale, coverage_at(mask[None], scale))[0] for scale in seen)


def published_coverage(mask: npt.NDArray[np.bool_], geometry: Geometry, value: int) -> torch.Tensor:
    """The cells that count as object in the published code, as 0 or 1 (h, w).

    It sends the mask through the image's own preprocessing: resized as uint8, normalised with the mean of the red
    channel, padded, sampled at the cells' centres, kept where > 0. So the red ``value`` of the mask's colour decides
    how much of a centre has to be covered: 57.5 % at 215 (video), 96.6 % at 128 (PerSeg's palette).

    Args:
        mask: bool (H, W), original pixels, not empty.
        geometry: of the image.
        value: 0..255, red channel of the mask's colour, above 123.
    """
    height, width = geometry.input_size
    image = Image.fromarray(mask.astype(np.uint8) * np.uint8(value))
    resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    normalised = (torch.from_numpy(resized.astype(np.float32)) - RED_MEAN) / RED_STD
    padding = (0, geometry.padded_size[1] - width, 0, geometry.padded_size[0] - height)
    padded = F.pad(normalised[None, None], padding)
    cells = F.interpolate(padded, size=geometry.grid_size, mode="bilinear", align_corners=False)[0, 0] > 0
    if not bool(cells.any()):  # CRASH (NaN): a tiny object covers no cell so far; take the best-covered ones.
        return geometry.mask_to_grid(torch.from_numpy(mask)[None])[0]
    return cells.float()
