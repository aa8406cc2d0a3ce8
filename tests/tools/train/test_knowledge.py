"""What training knows of objects is what the tracker knows of them: the same maps, from the same views."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from training.encoding import EncodedViews, Shown, encode_views
from training.knowledge import Knowledge

from vos.geometry import Geometry
from vos.persam.location_prior import locate
from vos.persam.target_feature import merge_views, observed_targets
from vos.sam.nano.network import NanoNetwork
from vos.structures import ImageEmbedding

SIDE = 128
SCENES, OBJECTS, VIEWS = 2, 2, 3


@pytest.fixture(scope="module")
def seen() -> EncodedViews:
    torch.manual_seed(1)
    views = torch.rand(SCENES, VIEWS, 3, 8, 8)
    views = (F.interpolate(views.flatten(0, 1), size=SIDE) * 255).byte().unflatten(0, (SCENES, VIEWS))
    masks = torch.zeros(SCENES, OBJECTS, VIEWS, SIDE, SIDE, dtype=torch.bool)
    for view in range(VIEWS):
        masks[:, 0, view, 10 + 6 * view : 70, 20:90] = True
        masks[:, 1, view, 80:110, 60 + 4 * view : 120] = True
    masks[1, 1, 0] = False
    masks[1, 1, 0, 3:8, 3:8] = True  # so small that it covers no cell
    with torch.no_grad():
        return encode_views(NanoNetwork().eval(), views, masks, autocast=False)


def embedding_of(seen: EncodedViews, scene: int, view: int) -> ImageEmbedding:
    geometry = Geometry((SIDE, SIDE), (SIDE, SIDE), (SIDE, SIDE), logit_stride=2)
    return ImageEmbedding(seen.features[view][scene], geometry, tuple(level[scene] for level in seen.levels[view]))


def test_maps_are_those_that_the_tracker_makes(seen: EncodedViews, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vos.persam.target_feature.matchable", lambda vectors: vectors)  # no rounding to bfloat16
    valid = torch.tensor([True, False, True, True])
    reference, later = (
        seen.show(view, seen.low_res[:, :, view].flatten(0, 1), good)
        for view, good in ((0, torch.ones(4, dtype=torch.bool)), (1, valid))
    )
    with torch.enable_grad():  # as in training
        maps = Knowledge([reference]).with_view(later).locate(seen, 2)
        for row in range(SCENES * OBJECTS):
            scene = row // OBJECTS
            known = []
            for view, weight in ((0, 0.5 if valid[row] else 1.0), (1, 0.5))[: 1 + int(valid[row])]:
                mask = seen.low_res[scene, row % OBJECTS, view]
                known.append((observed_targets(embedding_of(seen, scene, view), mask[None])[0], weight))
            guidance = locate(embedding_of(seen, scene, 2), [merge_views(known)]).guidance
            assert guidance.maps is not None
            torch.testing.assert_close(maps[0][row, :5], guidance.maps[0], atol=1e-5, rtol=1e-4)
            for mine, response in zip((maps[0][row, 5:], maps[1][row], maps[2][row]), guidance.responses):
                torch.testing.assert_close(mine, response, atol=2e-3, rtol=1e-3)


def test_views_that_do_not_count_leave_no_trace(seen: EncodedViews) -> None:
    never = torch.zeros(4, dtype=torch.bool)
    reference = seen.show(0, seen.low_res[:, :, 0].flatten(0, 1), ~never)
    nonsense = torch.full_like(seen.low_res[:, :, 1].flatten(0, 1), torch.nan)
    alone, joined = Knowledge([reference]), Knowledge([reference]).with_view(seen.show(1, nonsense, never))
    assert joined.weights().tolist() == [[1.0, 0.0]] * 4
    for one, other in zip(alone.locate(seen, 2), joined.locate(seen, 2)):
        torch.testing.assert_close(one, other)


def test_gradients_reach_the_features_through_every_map(seen: EncodedViews) -> None:
    features = [each.clone().requires_grad_() for each in seen.features]
    levels = [[level.clone().requires_grad_() for level in own] for own in seen.levels]
    with torch.enable_grad():
        views = EncodedViews(features, levels, seen.low_res)
        shown: Shown = views.show(0, seen.low_res[:, :, 0].flatten(0, 1), torch.ones(4, dtype=torch.bool))
        for each in Knowledge([shown]).locate(views, 1):
            each.square().mean().backward(retain_graph=True)
            touched = [value.grad for value in (*features, *levels[0][1:]) if value.grad is not None]
            assert touched
            assert all(bool(torch.isfinite(grad).all()) for grad in touched)
            assert any(bool(grad.any()) for grad in touched)
