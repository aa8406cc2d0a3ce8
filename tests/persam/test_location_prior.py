"""Similarity, guidance and points of several objects at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.geometry import Geometry
from vos.persam.location_prior import attention_bias, locate, locate_near, peak_points
from vos.persam.similarity import similarity_maps
from vos.persam.target_feature import merge_views, observed_targets, target_feature
from vos.persam.window import Window, crop
from vos.structures import ImageEmbedding, TargetFeature

WIDE = Geometry((180, 320), (144, 256), (256, 256))  # padded below, as SAM pads


def embedding(geometry: Geometry = WIDE, seed: int = 0) -> ImageEmbedding:
    generator = torch.Generator().manual_seed(seed)
    return ImageEmbedding(torch.randn(8, *geometry.grid_size, generator=generator), geometry)


def target(image: ImageEmbedding, row: int, column: int) -> TargetFeature:
    coverage = torch.zeros(image.geometry.grid_size)
    coverage[row : row + 2, column : column + 2] = 1
    return target_feature(image.features, coverage)


def test_directions_are_mixed_by_weight_and_the_best_match_of_any_view_counts() -> None:
    image = embedding()
    a, b, c = target(image, 1, 1), target(image, 4, 9), target(image, 6, 3)
    prior = locate(image, [merge_views([(a, 0.25), (b, 0.75)]), merge_views([(c, 1.0)])])
    maps = similarity_maps(image.features, [a, b, c])
    assert prior.guidance.maps is not None
    assert prior.guidance.embedding is not None
    mixed, best = 0.25 * maps[0] + 0.75 * maps[1], torch.maximum(maps[0], maps[1])
    expected = torch.stack([mixed[0], best[1], best[2], mixed[3], best[1] - best[2]])
    torch.testing.assert_close(prior.guidance.maps, torch.stack([expected, maps[2]]))
    torch.testing.assert_close(prior.similarity, prior.guidance.maps[:, 0])
    torch.testing.assert_close(prior.guidance.embedding[0], 0.25 * a.embedding + 0.75 * b.embedding)


def test_only_the_asked_fields_are_made_and_the_similarity_is_the_same() -> None:
    image = embedding()
    views = [target(image, 1, 1)]
    full, bare = locate(image, views), locate(image, views, frozenset({"attention"}))
    assert bare.guidance.maps is None
    assert bare.guidance.embedding is None
    torch.testing.assert_close(full.similarity, bare.similarity)


def test_an_object_in_its_window_is_compared_as_in_a_picture_of_that_window_alone() -> None:
    random = torch.Generator().manual_seed(3)
    geometry = Geometry((256, 256), (256, 256), (256, 256), logit_stride=2)
    levels = tuple(torch.randn(6, side, side, generator=random) for side in (16, 32, 64))
    image = ImageEmbedding(torch.randn(8, 16, 16, generator=random), geometry, levels)
    masks = torch.zeros(3, 128, 128)
    for mask, (row, column) in zip(masks, ((20, 30), (70, 60), (90, 100))):
        mask[row : row + 20, column : column + 16] = 1
    targets = observed_targets(image, masks)
    windows = [Window(2, 8, 3, 9), Window(6, 16, 4, 12), Window(8, 14, 10, 16)]
    for target, window, near in zip(targets, windows, locate_near(image, targets, windows)):
        alone = locate(crop(image, window), [target])
        assert near.guidance.maps is not None
        assert alone.guidance.maps is not None
        torch.testing.assert_close(near.similarity, alone.similarity)
        torch.testing.assert_close(near.guidance.maps, alone.guidance.maps)
        assert len(near.guidance.responses) == len(alone.guidance.responses) == 3
        for own, expected in zip(near.guidance.responses, alone.guidance.responses):
            torch.testing.assert_close(own, expected)


def test_attention_is_aligned_with_the_grid_and_leaves_the_padding_out() -> None:
    similarity = torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(1))
    changed = similarity.clone()
    changed[:, 9:] = 100  # padding: 144 of 256 rows are image
    bias = attention_bias(changed, WIDE).view(2, 16, 16)
    inside = similarity[0, :9]
    torch.testing.assert_close(bias[0, :9], torch.sigmoid((inside - inside.mean()) / inside.std(unbiased=False)))
    assert not bias[:, 9:].any()


def test_flat_similarity_gives_finite_attention() -> None:
    assert torch.isfinite(attention_bias(torch.ones(1, 16, 16), WIDE)).all()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 5), st.integers(0, 99))
def test_peaks_are_separate_points_of_the_picture(height: int, width: int, count: int, seed: int) -> None:
    scale = 256 / max(height, width)
    geometry = Geometry((height, width), (max(1, round(height * scale)), max(1, round(width * scale))), (256, 256))
    similarity = torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(seed))
    for points in peak_points(similarity, geometry, count):
        assert 1 <= len(points) <= count
        assert (points >= 0).all()
        assert (points <= [width - 1, height - 1]).all()
        assert len(np.unique(points, axis=0)) == len(points) or min(height, width) < 10


def test_peak_is_where_the_similarity_is_highest_and_padding_never_counts() -> None:
    similarity = torch.zeros(1, 16, 16)
    similarity[0, 5, 11] = 1
    similarity[0, 12, 3] = 9  # in the padding
    (points,) = peak_points(similarity, WIDE, 1)
    middle = np.array([11.5, 5.5]) * 16 * 320 / 256
    assert np.abs(points[0] - middle).max() < 8  # original pixels; a cell is 20


def test_window_limits_the_peak() -> None:
    similarity = torch.zeros(1, 16, 16)
    similarity[0, 5, 11], similarity[0, 2, 2] = 1, 0.5
    (points,) = peak_points(similarity, WIDE, 1, [np.array([0, 0, 100, 100], dtype=np.float32)])
    assert (points[0] < 100).all()
    assert points[0] == pytest.approx(np.array([2.5, 2.5]) * 20, abs=8)
