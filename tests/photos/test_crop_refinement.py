"""Crop refinement: finer where the object is small, never somewhere else."""

from __future__ import annotations

import numpy as np
import torch
from cautious import CautiousColourModel, concept_of
from scenes import iou, scene

from vos.geometry import Geometry
from vos.photos.config import MethodConfig
from vos.photos.crop_refinement import refine_crop
from vos.photos.methods.base import Detection
from vos.photos.segmenter import PhotoSegmenter
from vos.sam.prompting import Prompt

LARGE = (480, 640)  # five times the input of the model


def detected_at(box: tuple[int, int, int, int], geometry: Geometry) -> Detection:
    mask = torch.zeros(geometry.original_size, dtype=torch.bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return Detection(geometry.mask_to_low_res(mask[None])[0] * 20 - 10, 0.9, Prompt.empty())


def test_small_object_gets_finer_edges() -> None:
    model = CautiousColourModel()
    image, labels = scene({1: (167, 86, 313, 231)}, LARGE)
    concept = concept_of(1, model)
    once, twice = (
        PhotoSegmenter(model, MethodConfig(name="persam", crop_refinement=refined)).segment(image, [concept])[0]
        for refined in (False, True)
    )
    assert iou(twice.mask, labels == 1) > 0.95
    assert iou(twice.mask, labels == 1) > iou(once.mask, labels == 1)
    assert twice.score == once.score


def test_region_is_placed_where_it_was_cut() -> None:
    model = CautiousColourModel()
    for box in ((3, 5, 60, 50), (560, 400, 640, 480), (300, 2, 360, 40)):
        image, labels = scene({1: box}, LARGE)
        refined = refine_crop(model, image, detected_at(box, model.geometry(LARGE)), model.geometry(LARGE))
        assert refined is not None
        mask = refined.geometry.logits_to_original(refined.logits[None, None])[0, 0] > 0
        placed = np.zeros(LARGE, bool)
        placed[refined.y : refined.y + mask.shape[0], refined.x : refined.x + mask.shape[1]] = mask.numpy()
        assert iou(placed, labels == 1) > 0.8


def test_no_crop_where_there_is_nothing_to_gain() -> None:
    model = CautiousColourModel()
    geometry = model.geometry(LARGE)
    image, _ = scene({1: (20, 20, 620, 460)}, LARGE)
    assert refine_crop(model, image, detected_at((20, 20, 620, 460), geometry), geometry) is None  # it fills the photo
    assert refine_crop(model, image, detected_at((0, 0, 0, 0), geometry), geometry) is None  # nothing was found


def test_a_contradicting_crop_is_not_believed() -> None:
    model = CautiousColourModel()
    geometry = model.geometry(LARGE)
    image, _ = scene({1: (200, 100, 210, 110)}, LARGE)  # the prompt is about ground, mostly
    decode = model.decode

    def nothing(*arguments, **named):  # type: ignore[no-untyped-def]
        candidates = decode(*arguments, **named)
        candidates.logits[:] = -5
        return candidates

    model.decode = nothing  # type: ignore[method-assign]
    assert refine_crop(model, image, detected_at((200, 100, 300, 200), geometry), geometry) is None
