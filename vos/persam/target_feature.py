"""What the object looks like: target features pooled over the reference mask (PerSAM, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F

from vos.geometry import BACKGROUND_COVERAGE, covered_cells
from vos.persam.similarity import matchable
from vos.persam.target_model import coverage_at, fit, moments, scales, sum_weighted
from vos.structures import ImageEmbedding, TargetFeature

Pooling = Literal["mean", "max_mean"]
"""``mean``: image PerSAM. ``max_mean``: (max + mean) / 2 per channel, PerSAM-F and both video variants."""

Views = Sequence[tuple[TargetFeature, float]]
"""What is known of one object's appearance: target features with weights that sum to 1, at least one."""


def target_feature(
    features: torch.Tensor,
    coverage: torch.Tensor,
    pooling: Pooling = "max_mean",
    unit: torch.Tensor | None = None,
) -> TargetFeature:
    """Pools the features of one object.

    Args:
        features: float (C, h, w) on the embedding grid.
        coverage: float (h, w) in [0, 1], the share of each cell that the object covers; not all zero.
        pooling: how the covered cells become one vector.
        unit: float (h * w, C), the cells as unit vectors, where they are known already.

    Returns:
        The target feature. Where no cell is at least half covered (tiny objects) the best-covered cells stand in,
        so that there is always at least one.
    """
    cells = features.flatten(1).T
    weight = coverage.flatten().to(cells.dtype)
    unit = F.normalize(cells, dim=1) if unit is None else unit
    inside = covered_cells(weight)
    outside = weight < BACKGROUND_COVERAGE
    chosen = cells[inside]
    embedding = chosen.mean(dim=0)
    if pooling == "max_mean":
        embedding = (embedding + chosen.amax(dim=0)) / 2
    return TargetFeature(
        embedding=embedding,
        direction=F.normalize(embedding, dim=0),
        foreground=unit[inside].contiguous(),
        background=unit[outside].contiguous(),
        background_direction=F.normalize(outside.to(cells.dtype) @ cells, dim=0),
    )


def observed_targets(
    embedding: ImageEmbedding, masks: torch.Tensor, pooling: Pooling = "max_mean"
) -> list[TargetFeature]:
    """Takes what an image shows of N objects, the target models' moments included.

    Args:
        embedding: of the image.
        masks: float (N, h2, w2) in [0, 1], the share of each low-res cell that each object covers; none all zero.
        pooling: see :func:`target_feature`.
    """
    geometry, features = embedding.geometry, embedding.features
    masks = masks.to(features.device, torch.float32)
    coverage = F.avg_pool2d(masks, geometry.logits_per_cell)
    seen = observed_moments(embedding, masks)
    unit = matchable(F.normalize(features.flatten(1).T, dim=1)).contiguous()
    return [
        replace(target_feature(features, own, pooling, unit), moments=tuple(scale[k] for scale in seen))
        for k, own in enumerate(coverage)
    ]


def observed_moments(embedding: ImageEmbedding, masks: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Computes the target models' moments of N objects, per scale (N, C + 1, C + 2); see :func:`observed_targets`."""
    if not embedding.levels:
        return ()
    return tuple(moments(each, coverage_at(masks, each)) for each in scales(embedding.features, embedding.levels))


def merge_views(views: Views) -> TargetFeature:
    """Merges all that is known of an object into one target feature.

    Directions, embeddings and moments are averaged; cells are pooled, because a cell need not look like the object in
    all of its views: the best match in any of them counts. The directions stay means of unit vectors, so that their
    product with a cell is the mean cosine.
    """
    targets, weights = [target for target, _ in views], [weight for _, weight in views]
    if len(targets) == 1:
        return targets[0]
    with_moments = all(target.moments for target in targets)
    return TargetFeature(
        embedding=sum_weighted([target.embedding for target in targets], weights),
        direction=sum_weighted([target.direction for target in targets], weights),
        foreground=torch.cat([target.foreground for target in targets]),
        background=torch.cat([target.background for target in targets]),
        background_direction=sum_weighted([target.background_direction for target in targets], weights),
        moments=tuple(sum_weighted(list(scale), weights) for scale in zip(*(target.moments for target in targets)))
        if with_moments
        else (),
    )


def prepared(target: TargetFeature) -> TargetFeature:
    """Prepares it for being compared with many frames: cells in the precision of matching, target models fitted."""
    return replace(
        target,
        foreground=matchable(target.foreground),
        background=matchable(target.background),
        classifiers=tuple(fit(scale[None])[0] for scale in target.moments),
    )
