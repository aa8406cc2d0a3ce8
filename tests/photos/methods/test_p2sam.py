"""Clusters of features and the distance between sets of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.photos.methods.p2sam import FeatureDistribution, cluster


def blobs(counts: list[int], seed: int = 0, noise: float = 0.05, width: int = 16) -> torch.Tensor:
    """Unit vectors around as many random directions as there are counts."""
    generator = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(len(counts), width, generator=generator), dim=1)
    rows = [c + noise * torch.randn(n, width, generator=generator) for c, n in zip(centres, counts)]
    return F.normalize(torch.cat(rows), dim=1)


def test_each_blob_becomes_a_part_however_small() -> None:
    features = blobs([200, 30, 8])
    centres = cluster(features, 3)
    nearest = (features @ centres.T).argmax(dim=1)
    groups = [set(nearest[a:b].tolist()) for a, b in ((0, 200), (200, 230), (230, 238))]
    assert all(len(group) == 1 for group in groups)
    assert len(set.union(*groups)) == 3


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 1000))
def test_parts_are_unit_directions_whatever_the_features(count: int, parts: int, seed: int) -> None:
    features = blobs([count], seed)
    centres = cluster(features, min(parts, count))
    assert centres.shape == (min(parts, count), 16)
    assert torch.allclose(centres.norm(dim=1), torch.ones(len(centres)), atol=1e-5)
    assert torch.equal(centres, cluster(features, min(parts, count)))


def test_equal_features_give_parts_all_the_same() -> None:
    assert torch.isfinite(cluster(blobs([1]).repeat(10, 1), 4)).all()


def test_distance_is_zero_to_itself_and_grows_with_what_is_foreign() -> None:
    features = blobs([100, 100])
    reference = FeatureDistribution(features)
    half, other = features[::2], blobs([200], seed=5)
    assert reference.distance(features) == 0
    assert reference.distance(half) < reference.distance(features[:100]) < reference.distance(other)
    mixed = torch.cat([features, other[:50]])
    assert reference.distance(half) < reference.distance(mixed) < reference.distance(other)
