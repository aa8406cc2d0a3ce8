"""The linear model of the object: it is the weighted ridge regression, and it tells look-alikes from the object."""

from __future__ import annotations

import torch

from vos.geometry import Geometry
from vos.persam.target_feature import observed_targets
from vos.persam.target_model import RIDGE, coverage_at, fit, moments, respond, sum_weighted
from vos.structures import ImageEmbedding


def test_it_is_the_ridge_regression_with_both_sides_weighing_the_same() -> None:
    torch.manual_seed(0)
    features, coverage = torch.randn(5, 6, 7), (torch.rand(2, 6, 7) > 0.8).float()
    weights = fit(moments(features, coverage))
    cells = torch.cat([features.flatten(1), torch.ones(1, 42)]).T
    for own, mask in zip(weights, coverage.flatten(1)):
        importance = torch.where(mask > 0, 0.5 / mask.sum(), 0.5 / (1 - mask).sum())
        second = cells.T @ (cells * importance[:, None])
        ridge = RIDGE * second.diagonal().mean() * torch.eye(6)
        expected = torch.linalg.inv(second + ridge) @ cells.T @ (importance * (2 * mask - 1))
        torch.testing.assert_close(own, expected, rtol=1e-3, atol=1e-4)


def test_what_differs_from_the_surroundings_decides_not_what_is_alike() -> None:
    """Object and background share a strong feature; a weak one tells them apart, and a cosine would not."""
    features = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(1)) * 0.05
    features[0] += 5
    mask = torch.zeros(1, 8, 8)
    mask[0, 2:5, 2:6] = 1
    features[2] += 0.5 * mask[0]
    response = respond(features, fit(moments(features, mask)))[0]
    assert response[mask[0] > 0].min() > 0
    assert response[mask[0] == 0].max() < 0


def test_several_views_are_a_weighted_sum() -> None:
    torch.manual_seed(0)
    views = [moments(torch.randn(3, 4, 4), (torch.rand(1, 4, 4) > 0.5).float())[0] for _ in range(2)]
    torch.testing.assert_close(sum_weighted(views, [0.25, 0.75]), 0.25 * views[0] + 0.75 * views[1])


def test_coverage_is_averaged_down_to_each_scale() -> None:
    mask = torch.zeros(1, 8, 8)
    mask[0, :2, :3] = 1
    assert coverage_at(mask, torch.zeros(9, 4, 4))[0, 0].tolist() == [1.0, 0.5, 0.0, 0.0]
    assert coverage_at(mask, torch.zeros(9, 8, 8)) is mask


def test_an_embedding_without_levels_has_no_target_model() -> None:
    geometry = Geometry((32, 32), (32, 32), (32, 32))
    bare = ImageEmbedding(torch.randn(3, 2, 2), geometry)
    assert observed_targets(bare, torch.ones(1, 8, 8))[0].moments == ()
    levels = (torch.randn(4, 2, 2), torch.randn(5, 4, 4), torch.randn(6, 8, 8))
    rich = ImageEmbedding(torch.randn(3, 2, 2), geometry, levels)
    mask = torch.zeros(8, 8)
    mask[:4, :4] = 1
    assert [tuple(m.shape) for m in observed_targets(rich, mask[None])[0].moments] == [(4, 5), (6, 7), (7, 8)]
