"""A tracker that nobody shows a mask: it searches for what photos have taught it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scenes import Box, ColourModel, config, iou, scene

from vos.concept.concept import Concept
from vos.errors import VosError
from vos.persam.persam_f import FinetuneConfig
from vos.structures import Frame, Presence
from vos.tracking.merge import merge
from vos.tracking.registry import make_tracker
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Reference


def concept_of(object_id: int, model: ColourModel) -> Concept:
    image, labels = scene({object_id: (40, 24, 88, 72)})
    return Concept.from_image(image, labels, model=model)


def test_concepts_are_searched_from_the_first_frame_on() -> None:
    model = ColourModel()
    tracker = make_tracker(config(), model)
    concepts = [concept_of(2, model), concept_of(1, model)]
    for t in range(4):
        boxes: dict[int, Box] = {1: (8 + 4 * t, 8, 40 + 4 * t, 40)}
        if t >= 2:  # the first concept appears later
            boxes[2] = (72, 40, 120, 88)
        image, labels = scene(boxes)
        frame, embedding = Frame(t, f"{t:05d}", t / 25, image), model.encode([image])[0]
        tracked = tracker.step(embedding, frame) if t else tracker.start_from_concepts(embedding, concepts, frame)
        result = merge(tracked, embedding.geometry, frame, tracker.object_ids)
        assert result.label_map.object_ids == (1, 2)
        assert iou(result.label_map.labels == 2, labels == 1) > 0.7
        assert result.presence == (Presence.PRESENT if t >= 2 else Presence.ABSENT, Presence.PRESENT)
    assert iou(result.label_map.labels == 1, labels == 2) > 0.7


def test_the_line_runs_on_concepts() -> None:
    from fakes import Collector, ListSource

    model = ColourModel()
    clip = [scene({1: (8 + 4 * t, 8, 40 + 4 * t, 40)}) for t in range(5)]
    collector = Collector()
    pipeline = VideoPipeline(model, make_tracker(config(), model), [collector])
    segment_video(ListSource([image for image, _ in clip]), [Reference(0, concepts=(concept_of(1, model),))], pipeline)
    assert len(collector.results) == 5
    for result, (_, labels) in zip(collector.results, clip):
        assert iou(result.label_map.labels == 1, labels == 1) > 0.7


def test_what_cannot_be_is_one_line() -> None:
    model, other = ColourModel(), ColourModel()
    other.name = "nano"
    image, _ = scene({1: (8, 8, 40, 40)})
    frame, embedding = Frame(0, "00000", 0.0, image), model.encode([image])[0]
    made = concept_of(1, other)
    old = replace(made, views=tuple(replace(view, picture=None) for view in made.views))  # as of 0.3.0
    with pytest.raises(VosError, match="model=nano"):
        make_tracker(config(), model).start_from_concepts(embedding, [old], frame)
    with pytest.raises(VosError, match="tracker=persam"):
        make_tracker(config(name="published"), model).start_from_concepts(embedding, [concept_of(1, model)], frame)
    with pytest.raises(VosError, match="finetune=true"):
        tuned = make_tracker(config(finetune=FinetuneConfig(steps=3)), model)
        tuned.start_from_concepts(embedding, [concept_of(1, model)], frame)
    with pytest.raises(ValueError, match="either"):
        Reference(0)


def test_state_of_a_search_is_restored() -> None:
    model = ColourModel()
    image, _ = scene({1: (8, 8, 40, 40)})
    frame, embedding = Frame(0, "00000", 0.0, image), model.encode([image])[0]
    first, second = (make_tracker(config(), model) for _ in range(2))
    first.start_from_concepts(embedding, [concept_of(1, model), concept_of(2, model)], frame)
    second.restore(first.state())
    a, b = first.step(embedding, frame), second.step(embedding, frame)
    assert a.presence == b.presence == (Presence.PRESENT, Presence.ABSENT)
    assert np.array_equal(a.logits.numpy(), b.logits.numpy())
