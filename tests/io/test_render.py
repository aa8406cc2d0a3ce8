"""Pictures for people."""

from __future__ import annotations

import numpy as np
import pytest

from vos.io.render import cutout, on_background, overlay, union_alpha
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame


def scene() -> tuple[np.ndarray, LabelMap]:
    labels = np.zeros((60, 80), np.uint8)
    labels[10:30, 10:40] = 1
    labels[30:50, 10:40] = 2
    return np.full((60, 80, 3), 120, np.uint8), LabelMap(labels, (1, 2))


def test_overlay_tints_objects_and_leaves_the_rest() -> None:
    rgb, label_map = scene()
    before = rgb.copy()
    result = overlay(rgb, label_map)
    assert np.array_equal(rgb, before)
    assert result.shape == rgb.shape
    assert result.dtype == np.uint8
    first, second = result[20, 25].astype(int), result[40, 25].astype(int)
    assert first[0] > first[1] + 30
    assert second[1] > second[0] + 30
    far = np.ones((60, 80), bool)
    far[6:54, 6:44] = False
    assert (result[far] == 120).all()
    assert result[20, 9].max() < 60
    assert result[20, 10].max() > 200


@pytest.mark.parametrize("level", [0, 128, 255])
def test_contour_stands_out_on_any_background(level: int) -> None:
    rgb, label_map = scene()
    result = overlay(np.full_like(rgb, level), label_map).astype(int)
    contrast = [np.abs(result[20, x] - result[20, x + 1]).max() for x in range(5, 14)]
    assert max(contrast) > 60


def test_overlay_without_objects_is_the_frame_and_without_strength_contours_alone() -> None:
    rgb, label_map = scene()
    empty = LabelMap(np.zeros((60, 80), np.uint8), (1, 2))
    assert np.array_equal(overlay(rgb, empty), rgb)
    untinted = overlay(rgb, label_map, alpha=0)
    assert (untinted[14:26, 14:36] == 120).all()
    assert (untinted[20, 10] != 120).all()


def test_union_of_soft_masks() -> None:
    rgb, label_map = scene()
    alpha = np.zeros((2, 60, 80), np.uint8)
    alpha[:, 29:31, 10:40] = [[[100]], [[200]]]
    frame, certain = Frame(0, "0", 0.0, rgb), np.ones(2, np.float32)
    soft = SegmentedFrame(frame, label_map, certain, (Presence.PRESENT,) * 2, alpha)
    hard = SegmentedFrame(frame, label_map, certain, (Presence.PRESENT,) * 2)
    assert union_alpha(soft)[30, 20] == 255
    assert union_alpha(soft)[0, 0] == 0
    assert np.array_equal(union_alpha(hard), (label_map.labels > 0) * np.uint8(255))


def test_cutout_keeps_colours_straight() -> None:
    rgb, label_map = scene()
    alpha = label_map.labels * 100
    rgba = cutout(rgb, alpha)
    assert np.array_equal(rgba[..., :3], rgb)
    assert np.array_equal(rgba[..., 3], alpha)


def test_new_backgrounds() -> None:
    rgb = np.zeros((60, 80, 3), np.uint8)
    rgb[:, :40] = (200, 0, 0)
    alpha = np.zeros((60, 80), np.uint8)
    alpha[:, :40] = 255
    alpha[:, 40] = 51
    on_blue = on_background(rgb, alpha, (0, 0, 250))
    assert (on_blue[:, :40] == (200, 0, 0)).all()
    assert (on_blue[:, 41:] == (0, 0, 250)).all()
    assert (on_blue[:, 40] == (0, 0, 200)).all()
    blurred = on_background(rgb, alpha, "blur")
    assert (blurred[:, :40] == (200, 0, 0)).all()
    assert blurred[:, 42:, 0].max() < 30  # the object's red does not bleed into the background
    with pytest.raises(ValueError, match="blur"):
        on_background(rgb, alpha, "green")
