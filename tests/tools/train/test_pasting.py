"""Objects pasted into training views: seen where their mask says, and prompted like the photo's own regions."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from training.pasting import SPRITE_BASE, bent, far_placement, paste, random_sprite, recoloured
from training.photos import PhotoPool, Sprite
from training.regions import RegionDataset
from training.shadow import Shadow

GREEN = (10, 240, 20)


@pytest.fixture
def sprite() -> Sprite:
    """A green bar."""
    alpha = np.zeros((40, 60), np.uint8)
    alpha[10:30, 5:55] = 255
    return Sprite(np.full((40, 60, 3), GREEN, np.uint8), alpha)


@pytest.mark.parametrize("soft", [False, True])
def test_a_pasted_object_is_where_its_mask_says_and_nowhere_else(sprite: Sprite, soft: bool) -> None:
    for seed in range(10):
        canvas, ids = np.full((96, 128, 3), 100, np.float32), np.ones((96, 128), np.int16)
        paste(canvas, ids, sprite, far_placement(96, sprite, random.Random(seed)), 7, None, soft)
        pasted, greenish = ids == 7, canvas[..., 1] > 170
        assert set(np.unique(ids)) <= {1, 7}
        assert (pasted != greenish).sum() <= 0.02 * pasted.sum() + 2
        assert np.allclose(canvas[pasted][canvas[pasted][:, 1] > 239], GREEN, atol=1)


def test_a_shadow_darkens_what_is_beside_the_object_but_not_the_object(sprite: Sprite) -> None:
    canvas, ids = np.full((96, 128, 3), 100, np.float32), np.zeros((96, 128), np.int16)
    place = np.array([[1.0, 0, 60], [0, 1, 50], [0, 0, 1]])
    paste(canvas, ids, sprite, place, 1, Shadow(random.Random(0)), soft=False)
    assert canvas[ids == 0].min() < 90
    assert np.array_equal(np.unique(canvas[ids == 1], axis=0), [GREEN])


def test_a_look_alike_has_the_same_outline_and_other_colours(sprite: Sprite) -> None:
    other = recoloured(sprite, random.Random(1))
    assert np.array_equal(other.alpha, sprite.alpha)
    assert not np.array_equal(other.rgb, sprite.rgb)


def test_a_shadow_does_not_move_the_object(sprite: Sprite) -> None:
    """With a shadow the whole view is drawn on, without one only the part that shows the object."""
    for seed in range(10):
        place, seen = far_placement(96, sprite, random.Random(seed)), []
        for shadow in (None, Shadow(random.Random(0))):
            canvas, ids = np.full((96, 128, 3), 100, np.float32), np.zeros((96, 128), np.int16)
            paste(canvas, ids, sprite, place, 1, shadow, soft=True)
            seen.append(ids)
        assert (seen[0] != seen[1]).sum() <= 2, "but for rounding"


def test_an_object_outside_of_the_view_is_not_drawn(sprite: Sprite) -> None:
    canvas, ids = np.full((96, 128, 3), 100, np.float32), np.zeros((96, 128), np.int16)
    paste(canvas, ids, sprite, np.array([[1.0, 0, 400], [0, 1, 50], [0, 0, 1]]), 1, None, soft=True)
    assert not ids.any()
    assert bool((canvas == 100).all())


def test_a_bent_object_keeps_its_colours_its_place_and_about_its_size(sprite: Sprite) -> None:
    shapes = set()
    for seed in range(8):
        other = bent(sprite, random.Random(seed))
        canvas, ids = np.full((96, 128, 3), 100, np.float32), np.zeros((96, 128), np.int16)
        paste(canvas, ids, other, np.array([[1.0, 0, 64], [0, 1, 48], [0, 0, 1]]), 1, None, soft=False)
        rows, columns = np.nonzero(ids)
        assert abs(rows.mean() - 48) < 8
        assert abs(columns.mean() - 64) < 8
        assert 0.5 < (ids > 0).sum() / (sprite.alpha > 0).sum() < 2
        assert np.allclose(np.median(canvas[ids > 0], axis=0), GREEN, atol=2)
        shapes.add(other.alpha.shape)
    assert len(shapes) > 4


def test_clicks_are_asked_about_pasted_objects_too(
    segments: Path, sprite: Sprite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.regions.random_sprite", lambda pool, rng: sprite)
    own = set[int]()
    for rgb, masks in (RegionDataset(PhotoPool(segments), 96, 4, seed=1, length=20)[k] for k in range(20)):
        for mask in masks:
            own.add(int(rgb[:, mask].float().mean(dim=1).argmax()))
    assert own == {0, 1, 2}, "red discs, blue squares and the green bar"


def test_objects_come_from_photos_and_from_nowhere(segments: Path) -> None:
    rng, pool = random.Random(0), PhotoPool(segments)
    found = [random_sprite(pool, rng) for _ in range(30)]
    colours = [tuple(np.median(s.rgb[s.alpha > 0], axis=0) > 200) for s in found if s is not None]
    assert (True, False, False) in colours
    assert (False, False, True) in colours
    assert len({s.alpha.shape for s in found if s is not None}) > 5
    assert SPRITE_BASE > 255, "ids of a photo's regions are bytes"
