"""What is seen in a window says the same of the object as the whole frame would."""

from __future__ import annotations

from dataclasses import replace

import torch

from vos.geometry import Geometry
from vos.persam.window import Window
from vos.structures import ImageEmbedding, Presence
from vos.tracking.config import TrackerConfig
from vos.tracking.merge import ABSENT_LOGIT
from vos.tracking.observation import Sight
from vos.tracking.track import Track

GEOMETRY = Geometry((256, 320), (256, 320), (256, 320), logit_stride=2)
WINDOW = Window(4, 12, 6, 16)


def seen(seed: int = 0) -> Sight:
    """A sight in a window, pasted into the frame."""
    random = torch.Generator().manual_seed(seed)
    rows, columns = WINDOW.size
    logits = torch.randn(rows * 8, columns * 8, generator=random) * 4
    similarity, maps = torch.rand(rows, columns, generator=random), torch.rand(5, rows, columns, generator=random)
    return Sight(logits, 0.8, similarity, maps).pasted(WINDOW, GEOMETRY)


def anchored(features: torch.Tensor) -> Track:
    track, mask = Track(TrackerConfig()), torch.zeros(256, 320, dtype=torch.bool)
    mask[90:150, 120:200] = True
    track.anchor(ImageEmbedding(features, GEOMETRY), mask)
    return track


def test_a_part_is_the_windows_cells_on_every_grid() -> None:
    sight = seen()
    part = sight.part(sight.logits, GEOMETRY)
    assert part.shape == (64, 80) and bool((part > 0).sum() == (sight.logits > 0).sum())
    assert sight.maps is not None and sight.part(sight.maps, GEOMETRY).shape == (5, 8, 10)
    assert replace(sight, window=None).part(sight.logits, GEOMETRY) is sight.logits
    outside = sight.logits.clone()
    sight.part(outside, GEOMETRY)[:] = ABSENT_LOGIT
    assert (outside == ABSENT_LOGIT).all()


def test_presence_and_what_is_remembered_do_not_depend_on_where_one_looked() -> None:
    features = torch.randn(8, *GEOMETRY.grid_size, generator=torch.Generator().manual_seed(5))
    embedding = ImageEmbedding(features, GEOMETRY)
    for seed in range(8):
        near = seen(seed)
        far = replace(near, window=None)
        one, other = anchored(features), anchored(features)
        assert one.judge(GEOMETRY, near) is other.judge(GEOMETRY, far)
        assert abs(one.similarity(GEOMETRY, near) - other.similarity(GEOMETRY, far)) < 1e-5
        assert one.follow(embedding, near.logits, near, Presence.PRESENT) == other.follow(
            embedding, far.logits, far, Presence.PRESENT
        )
        assert one.logits is not None and other.logits is not None
        torch.testing.assert_close(one.logits, other.logits)
        assert (one.logits != near.logits).any()  # the guard has had something to do
