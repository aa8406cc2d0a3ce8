"""A concept in a video: what the photos' search is sure of is shown to the tracker, now and then, until it is seen."""

from __future__ import annotations

import numpy as np
import pytest
from cautious import SIZE, CautiousColourModel, concept_of
from fakes import Collector, ListSource
from scenes import Box, config, iou, scene

from vos.photos.calibration import Calibration, Weighting
from vos.tracking.persam_tracker import PersamTracker
from vos.tracking.registry import make_tracker
from vos.video.pipeline import VideoPipeline, segment_video
from vos.video.reference import Reference
from vos.video.sightings import EVERY

SURE = Calibration(  # of what is alike and whole
    whole=Weighting(-4.0, (2.0, 2.0, 0.0, 0.0, 2.0, 2.0)),
    fine=Weighting(-6.0, (2.0, 0.0, 2.0, 2.0, 2.0)),
    thresholds=((0.005, 0.6), (0.02, 0.5)),
)


def references_after(clip: list[dict[int, Box]], model: CautiousColourModel) -> tuple[list[int], list[np.ndarray]]:
    """How many references the tracker has after each frame, and the masks."""
    tracker = make_tracker(config(), model)
    assert isinstance(tracker, PersamTracker)
    counts: list[int] = []
    collector = Collector()
    pipeline = VideoPipeline(
        model, tracker, [collector], on_frame=lambda index: counts.append(len(tracker.tracks[0].memory.references))
    )
    images = [scene(boxes, SIZE)[0] for boxes in clip]
    segment_video(ListSource(images), [Reference(0, concepts=(concept_of(1, model),))], pipeline)
    return counts, [result.label_map.labels == 1 for result in collector.results]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> CautiousColourModel:
    for module in ("vos.video.sightings", "vos.photos.segmenter"):
        monkeypatch.setattr(f"{module}.calibration_of", lambda model: SURE)
    return CautiousColourModel()


def test_what_is_seen_in_the_first_frame_is_a_reference(model: CautiousColourModel) -> None:
    clip: list[dict[int, Box]] = [{1: (8 + 4 * t, 8, 40 + 4 * t, 40)} for t in range(3)]
    counts, masks = references_after(clip, model)
    assert counts == [2, 2, 2]  # the concept's view and the frame's
    for mask, boxes in zip(masks, clip):
        assert iou(mask, scene(boxes, SIZE)[1] == 1) > 0.7


def test_an_object_that_comes_later_is_seen_at_the_next_search(model: CautiousColourModel) -> None:
    late = 2 * EVERY
    clip: list[dict[int, Box]] = [{2: (72, 40, 120, 88)}] * late + [{1: (8, 8, 40, 40)}] * 2
    counts, masks = references_after(clip, model)
    assert counts[:late] == [1] * late
    assert not np.stack(masks[:late]).any()
    assert counts[late] in (1, 2)  # the tracker may have found it by itself
    assert masks[late].any()


def test_a_model_that_is_not_calibrated_searches_as_before() -> None:
    counts, masks = references_after([{1: (8, 8, 40, 40)}] * 2, CautiousColourModel())
    assert counts == [1, 1]
    assert masks[1].any()
