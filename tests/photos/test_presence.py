"""What makes the score: each value counts, and none can carry an absent object over the threshold alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scenes import ColourModel, scene

from vos.concept.concept import Concept
from vos.photos.methods.base import Detection
from vos.photos.presence import ABSENT, DEFAULT_THRESHOLD, PresenceScore, PresenceScorer
from vos.sam.prompting import Prompt

SHARE = st.floats(0, 1)


def scored(box: tuple[int, int, int, int], unprompted: float | None = None) -> PresenceScore:
    """A mask over ``box`` in a scene whose object is at (64, 32)-(112, 80); the concept is the same colour."""
    model = ColourModel()
    image, labels = scene({1: (16, 16, 64, 64)})
    concept = Concept.from_image(image, labels, model=model)
    embedding = model.encode([scene({1: (64, 32, 112, 80), 2: (0, 0, 48, 48)})[0]])[0]
    mask = torch.zeros(embedding.geometry.original_size)
    mask[box[1] : box[3], box[0] : box[2]] = 1
    logits = embedding.geometry.mask_to_low_res(mask[None])[0] * 20 - 10
    detection = Detection(logits, 0.9, Prompt.empty(), None if unprompted is None else (logits, unprompted))
    return PresenceScorer(concept, model).score(embedding, detection)


def test_the_object_itself_is_sure() -> None:
    score = scored((64, 32, 112, 80))
    assert score.vote_share == score.recall == 1
    assert score.similarity > 0.9
    assert score.value > 0.85


def test_another_object_and_the_ground_are_refused() -> None:
    for box in ((0, 0, 48, 48), (0, 64, 48, 96)):
        assert scored(box).value < DEFAULT_THRESHOLD
        assert scored(box, unprompted=0.9).value < DEFAULT_THRESHOLD


def test_a_mask_that_is_mostly_something_else_loses_votes() -> None:
    assert scored((0, 0, 112, 80)).vote_share < 0.6
    assert scored((0, 0, 112, 80)).value < scored((64, 32, 112, 80)).value


def test_a_doubted_mask_needs_the_features() -> None:
    box = (64, 32, 112, 80)
    assert scored(box, 0.0).value < scored(box, 0.5).value < scored(box, 0.9).value
    assert scored(box, 0.0).value > DEFAULT_THRESHOLD


def test_empty_mask_is_nothing() -> None:
    assert scored((0, 0, 0, 0)) == ABSENT
    assert ABSENT.value == 0


@given(SHARE, SHARE, SHARE, SHARE, st.none() | SHARE)
def test_score_is_a_share_and_grows_with_each_witness(
    quality: float, similarity: float, vote_share: float, recall: float, unprompted: float | None
) -> None:
    score = PresenceScore(quality, similarity, vote_share, recall, unprompted)
    assert 0 <= score.value <= 1
    assert replace(score, predicted_iou=1.0).value >= score.value
    assert replace(score, recall=1.0).value >= score.value
    assert np.isfinite(score.value)
