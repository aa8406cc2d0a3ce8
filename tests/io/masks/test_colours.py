"""The palette, and flat colours told apart from the blends between them."""

from __future__ import annotations

import numpy as np

from vos.io.masks.colours import davis_palette, pack, resolve_colours, unpack


def test_palette_is_davis_own_and_every_id_has_a_colour() -> None:
    palette = davis_palette()
    assert palette.shape == (256, 3)
    assert len(np.unique(palette, axis=0)) == 256
    assert palette[9].tolist() == [191, 0, 0]  # 192 in PASCAL VOC, DAVIS' source
    palette[:] = 7  # a caller's copy
    assert davis_palette()[1].tolist() == [128, 0, 0]


def test_packed_colours_come_back() -> None:
    colours = np.array([[0, 0, 0], [255, 1, 2], [3, 255, 4], [5, 6, 255]], np.uint8)
    assert np.array_equal(unpack(pack(colours)), colours)


def test_a_blend_goes_to_the_nearer_of_its_two_colours() -> None:
    rgb = np.zeros((20, 20, 3), np.uint8)
    rgb[:, 10:] = (200, 0, 0)
    rgb[:, 9], rgb[:, 10] = (60, 0, 0), (140, 0, 0)
    resolved = resolve_colours(rgb)
    assert resolved is not None
    assert (resolved[:, :10] == 0).all()
    assert (resolved[:, 10:] == 200 << 16).all()


def test_noise_is_not_flat() -> None:
    assert resolve_colours(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)) is None
