"""The enlarged and the mirrored second look: they land in the right place, and stand back when they should."""

from __future__ import annotations

import numpy as np
import torch
from scenes import ColourModel, scene

from vos.persam.target_feature import observed_targets
from vos.structures import ImageEmbedding, TargetFeature
from vos.tracking.config import ZoomConfig
from vos.tracking.flip import look_mirrored, mirrored
from vos.tracking.observation import Sight
from vos.tracking.zoom import look_closer

SIZE = (480, 640)


def setting(
    box: tuple[int, int, int, int],
) -> tuple[ColourModel, np.ndarray, np.ndarray, ImageEmbedding, TargetFeature]:
    rgb, labels = scene({1: box}, SIZE)
    model = ColourModel()
    embedding = model.encode([rgb])[0]
    low_res = embedding.geometry.mask_to_low_res(torch.from_numpy(labels > 0)[None])
    (target,) = observed_targets(embedding, low_res)
    return model, rgb, labels > 0, embedding, target


def sight_of(mask: np.ndarray, embedding: ImageEmbedding) -> Sight:
    coverage = embedding.geometry.mask_to_low_res(torch.from_numpy(mask)[None])[0]
    return Sight(8 * (2 * coverage - 1), 0.9, torch.zeros(embedding.geometry.grid_size))


def iou(logits: torch.Tensor, truth: np.ndarray, embedding: ImageEmbedding) -> float:
    mask = (embedding.geometry.logits_to_original(logits[None, None])[0, 0] > 0).numpy()
    return float((mask & truth).sum() / (mask | truth).sum())


def test_a_closer_look_mends_a_coarse_mask() -> None:
    model, rgb, truth, embedding, target = setting((280, 200, 380, 280))
    coarse = np.zeros_like(truth)
    coarse[160:320, 240:420] = True
    first = sight_of(coarse, embedding)
    zoom = ZoomConfig(enabled=True, max_share=0.8, agreement=0.2)
    closer = look_closer(model, rgb, first, embedding.geometry, target, zoom)
    assert closer.logits.shape == first.logits.shape
    assert iou(closer.logits, truth, embedding) > iou(first.logits, truth, embedding) + 0.05
    assert closer.predicted_iou == first.predicted_iou


def test_large_and_absent_objects_get_no_second_look() -> None:
    model, rgb, truth, embedding, target = setting((100, 50, 560, 430))
    first = sight_of(truth, embedding)
    assert look_closer(model, rgb, first, embedding.geometry, target, ZoomConfig(enabled=True)) is first
    nothing = sight_of(np.zeros_like(truth), embedding)
    assert look_closer(model, rgb, nothing, embedding.geometry, target, ZoomConfig(enabled=True)) is nothing


def test_a_closer_look_that_contradicts_is_dropped() -> None:
    model, rgb, truth, embedding, target = setting((300, 200, 360, 250))
    elsewhere = np.zeros_like(truth)
    elsewhere[100:150, 100:160] = True
    first = sight_of(elsewhere, embedding)
    assert look_closer(model, rgb, first, embedding.geometry, target, ZoomConfig(enabled=True)) is first


def test_mirroring_leaves_the_padding_where_it_is() -> None:
    *_, embedding, _ = setting((300, 200, 360, 250))
    geometry = embedding.geometry
    logits = torch.arange(geometry.logit_size[0] * geometry.logit_size[1], dtype=torch.float32).view(
        geometry.logit_size
    )
    assert torch.equal(mirrored(mirrored(logits, geometry), geometry), logits)
    columns = -(-geometry.input_size[1] // geometry.logit_stride)
    assert torch.equal(mirrored(logits, geometry)[:, 0], logits[:, columns - 1])
    assert torch.equal(mirrored(logits, geometry)[:, columns:], logits[:, columns:])


def test_the_mirrored_look_agrees_on_the_place() -> None:
    model, rgb, truth, embedding, target = setting((60, 200, 180, 320))  # left of the middle: a wrong flip would miss
    first = sight_of(truth, embedding)
    (both,) = look_mirrored(model, rgb, [first], [target], [first.logits])
    assert iou(both.logits, truth, embedding) > 0.8
