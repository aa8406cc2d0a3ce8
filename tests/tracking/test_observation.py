"""What is observed in a window says the same of the object as the whole frame would."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from vos.geometry import Geometry
from vos.persam.window import Window
from vos.structures import ImageEmbedding, Presence
from vos.tracking.config import PresenceConfig, TrackerConfig
from vos.tracking.observation import ABSENT_LOGIT, Observation, without_overlap
from vos.tracking.redetect import classify
from vos.tracking.track import Track

GEOMETRY = Geometry((256, 320), (256, 320), (256, 320), logit_stride=2)
WINDOW = Window(4, 12, 6, 16)


def observed(seed: int = 0) -> Observation:
    """An observation in a window, pasted into the frame."""
    random = torch.Generator().manual_seed(seed)
    rows, columns = WINDOW.size
    logits = torch.randn(rows * 8, columns * 8, generator=random) * 4
    similarity, maps = torch.rand(rows, columns, generator=random), torch.rand(5, rows, columns, generator=random)
    return Observation(GEOMETRY, logits, 0.8, similarity, maps).pasted(WINDOW, GEOMETRY)


def referenced(features: torch.Tensor) -> Track:
    track, mask = Track(TrackerConfig()), torch.zeros(256, 320, dtype=torch.bool)
    mask[90:150, 120:200] = True
    track.add_reference(ImageEmbedding(features, GEOMETRY), mask)
    return track


def test_a_window_is_the_same_cells_on_every_grid() -> None:
    observation = observed()
    part = observation.in_window(observation.logits)
    assert part.shape == (64, 80)
    assert bool((part > 0).sum() == (observation.logits > 0).sum())
    assert observation.maps is not None
    assert observation.in_window(observation.maps).shape == (5, 8, 10)
    assert replace(observation, window=None).in_window(observation.logits) is observation.logits
    outside = observation.logits.clone()
    observation.in_window(outside)[:] = ABSENT_LOGIT
    assert (outside == ABSENT_LOGIT).all()


def test_area_and_box_are_in_original_pixels() -> None:
    geometry = Geometry((128, 160), (256, 320), (256, 320), logit_stride=2)  # a pixel is one low-res cell
    logits = torch.full(geometry.logit_size, ABSENT_LOGIT)
    logits[10:20, 30:50] = 5
    observation = Observation(geometry, logits, 1.0, torch.zeros(geometry.grid_size))
    assert observation.area == 200
    assert observation.box is not None
    assert observation.box.tolist() == [30, 10, 50, 20]
    assert observation.absent().box is None
    assert observation.absent().area == 0


def test_presence_and_what_is_remembered_do_not_depend_on_the_window() -> None:
    features = torch.randn(8, *GEOMETRY.grid_size, generator=torch.Generator().manual_seed(5))
    embedding = ImageEmbedding(features, GEOMETRY)
    for seed in range(8):
        near = observed(seed)
        far = replace(near, window=None)
        one, other = referenced(features), referenced(features)
        assert near.area == pytest.approx(far.area)
        prediction = replace(one.predict(GEOMETRY, cut=False), gate=None)
        (a,), (b,) = (classify([each], [prediction], PresenceConfig()) for each in (near, far))
        assert a.presence is b.presence
        near, far = (replace(each, presence=Presence.PRESENT) for each in (near, far))
        assert one.update(embedding, near) == other.update(embedding, far)
        assert one.logits is not None
        assert other.logits is not None
        torch.testing.assert_close(one.logits, other.logits)
        assert (one.logits != near.logits).any()  # the background filter has had something to do


def test_a_cell_that_two_objects_claim_goes_to_the_surer_one() -> None:
    weak = torch.full(GEOMETRY.logit_size, 1.0)
    strong = torch.where(torch.arange(GEOMETRY.logit_size[1]) < 40, 3.0, ABSENT_LOGIT).expand(GEOMETRY.logit_size)
    similarity = torch.zeros(GEOMETRY.grid_size)
    first, second = without_overlap([Observation(GEOMETRY, each, 0.5, similarity) for each in (weak, strong)])
    assert not (first.logits[:, :40] > 0).any()
    assert (first.logits[:, 40:] > 0).all()
    assert torch.equal(second.logits, strong)
    assert without_overlap([]) == []
