"""What makes the score: each witness counts, and none can carry an absent object over the threshold alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scenes import ColourModel, scene

from vos.concept.concept import Concept
from vos.photos.methods.base import Found
from vos.photos.presence import DEFAULT_THRESHOLD, NOTHING, Evidence, Judge
from vos.sam.prompting import Prompt

SHARE = st.floats(0, 1)


def weighed(box: tuple[int, int, int, int], unprompted: float | None = None) -> Evidence:
    """A mask over ``box`` in a scene whose object is at (64, 32)-(112, 80); the concept is the same colour."""
    model = ColourModel()
    image, labels = scene({1: (16, 16, 64, 64)})
    concept = Concept.from_image(image, labels, model=model)
    embedding = model.encode([scene({1: (64, 32, 112, 80), 2: (0, 0, 48, 48)})[0]])[0]
    mask = torch.zeros(embedding.geometry.original_size)
    mask[box[1] : box[3], box[0] : box[2]] = 1
    logits = embedding.geometry.mask_to_low_res(mask[None])[0] * 20 - 10
    found = Found(logits, 0.9, Prompt.empty(), None if unprompted is None else (logits, unprompted))
    return Judge(concept, torch.device("cpu")).weigh(embedding, found)


def test_the_object_itself_is_sure() -> None:
    evidence = weighed((64, 32, 112, 80))
    assert evidence.votes == evidence.recall == 1
    assert evidence.similarity > 0.9
    assert evidence.score > 0.85


def test_another_object_and_the_ground_are_refused() -> None:
    for box in ((0, 0, 48, 48), (0, 64, 48, 96)):
        assert weighed(box).score < DEFAULT_THRESHOLD
        assert weighed(box, unprompted=0.9).score < DEFAULT_THRESHOLD


def test_a_mask_that_is_mostly_something_else_loses_votes() -> None:
    assert weighed((0, 0, 112, 80)).votes < 0.6
    assert weighed((0, 0, 112, 80)).score < weighed((64, 32, 112, 80)).score


def test_a_doubted_mask_needs_the_features() -> None:
    box = (64, 32, 112, 80)
    assert weighed(box, 0.0).score < weighed(box, 0.5).score < weighed(box, 0.9).score
    assert weighed(box, 0.0).score > DEFAULT_THRESHOLD


def test_empty_mask_is_nothing() -> None:
    assert weighed((0, 0, 0, 0)) == NOTHING
    assert NOTHING.score == 0


@given(SHARE, SHARE, SHARE, SHARE, st.none() | SHARE)
def test_score_is_a_share_and_grows_with_each_witness(
    quality: float, similarity: float, votes: float, recall: float, unprompted: float | None
) -> None:
    evidence = Evidence(quality, similarity, votes, recall, unprompted)
    assert 0 <= evidence.score <= 1
    assert replace(evidence, predicted_iou=1.0).score >= evidence.score
    assert replace(evidence, recall=1.0).score >= evidence.score
    assert np.isfinite(evidence.score)
