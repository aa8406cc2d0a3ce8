"""What is written for a photo: masks, overlays, cut-outs and backgrounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vos.album.outputs import PHOTO_OUTPUTS, instance_map, write_photo
from vos.io.masks.label_map import read_label_map
from vos.io.render import edge_alpha
from vos.photos.result import Instance, PhotoResult
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

INSIDE, OUTSIDE, FAR = (60, 80), (60, 40), (5, 5)  # rows, columns


def segmented(present: bool = True) -> SegmentedFrame:
    """A red square, found as object 3, in a green photo with noise; haze in the soft mask."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 40, (120, 160, 3)).astype(np.uint8)
    rgb[..., 1] += 120
    rgb[30:90, 50:110] = (220, 20, 20)
    labels, alpha = np.zeros((120, 160), np.uint8), np.full((120, 160), 40, np.uint8)
    if present:
        labels[30:90, 50:110], alpha[30:90, 50:110] = 3, 220
    presence = Presence.PRESENT if present else Presence.ABSENT
    frame = Frame(0, "trip/IMG_1", 0.0, rgb)
    return SegmentedFrame(frame, LabelMap(labels, (3,)), np.ones(1, np.float32), (presence,), alpha[None])


def written(output: str, folder: Path, present: bool = True) -> np.ndarray:
    path = write_photo(output, folder, segmented(present))
    assert path is not None
    assert path.parent == folder / output / "trip"
    return np.asarray(Image.open(path))


def test_mask_and_overlay(tmp_path: Path) -> None:
    photo = segmented()
    np.testing.assert_array_equal(written("masks", tmp_path), photo.label_map.labels)
    assert read_label_map(tmp_path / "masks/trip/IMG_1.png").object_ids == (3,)
    overlay = written("overlay", tmp_path).astype(int)
    assert np.abs(overlay[FAR] - photo.frame.rgb[FAR]).max() < 30
    assert np.abs(overlay[INSIDE] - photo.frame.rgb[INSIDE]).max() > 30


def test_cutout_is_clear_of_haze_and_keeps_colours(tmp_path: Path) -> None:
    rgba = written("cutout", tmp_path)
    assert rgba.shape == (120, 160, 4)
    np.testing.assert_array_equal(rgba[INSIDE], (220, 20, 20, 255))
    assert rgba[OUTSIDE][3] == rgba[FAR][3] == 0
    np.testing.assert_array_equal(rgba[29, 80, :3], segmented().frame.rgb[29, 80])  # beside the edge


@pytest.mark.parametrize("output", ["white", "blur"])
def test_backgrounds(output: str, tmp_path: Path) -> None:
    rgb = written(output, tmp_path).astype(int)
    assert np.abs(rgb[INSIDE] - (220, 20, 20)).max() < 12
    if output == "white":
        assert rgb[FAR].min() > 245
        return
    around = rgb[35:85, 30:44]
    assert around[..., 0].max() < 60  # no red bleeds out of the object
    assert around.std(axis=(0, 1)).max() < segmented().frame.rgb[35:85, 30:44].std(axis=(0, 1)).min()


def test_composites_have_the_background_that_is_given(tmp_path: Path) -> None:
    Image.new("RGB", (30, 30), (10, 200, 30)).save(tmp_path / "green.png")
    for background, colour in (("#0000ff", (0, 0, 255)), (str(tmp_path / "green.png"), (10, 200, 30))):
        path = write_photo("composite", tmp_path, segmented(), background)
        assert path == tmp_path / "composite/trip/IMG_1.jpg"
        rgb = np.asarray(Image.open(path)).astype(int)
        assert np.abs(rgb[INSIDE] - (220, 20, 20)).max() < 12
        assert np.abs(rgb[FAR] - colour).max() < 6


def test_absent_objects_get_mask_and_overlay_but_no_cutout(tmp_path: Path) -> None:
    for output in PHOTO_OUTPUTS:
        write_photo(output, tmp_path, segmented())
    for output in PHOTO_OUTPUTS:
        path = write_photo(output, tmp_path, segmented(present=False))
        assert (path is None) == (output in ("cutout", "white", "blur", "composite"))
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert left == {"masks/trip/IMG_1.png", "overlay/trip/IMG_1.jpg"}  # earlier cut-outs are gone, too
    assert not np.asarray(Image.open(tmp_path / "masks/trip/IMG_1.png")).any()


def result(masks: np.ndarray) -> PhotoResult:
    """Several instances of one concept."""
    alpha, points, labels = np.zeros(masks.shape[1:], np.uint8), np.zeros((0, 2), np.float32), np.zeros(0, np.int64)
    instances = tuple(Instance(mask, alpha, 0.9, 0.9, 0.9, None, points, labels) for mask in masks)
    return PhotoResult("rex", Presence.PRESENT, 0.9, masks.any(axis=0), alpha, None, instances)


def test_instances_have_ids_best_first() -> None:
    photo = np.zeros((20, 30, 3), np.uint8)
    masks = np.zeros((3, 20, 30), bool)
    masks[0, 2:10, 2:10] = masks[1, 5:15, 5:15] = masks[2, 0:3, 20:30] = True
    labels = instance_map(photo, {7: result(masks)})
    assert labels.object_ids == (1, 2, 3)
    assert labels.labels[6, 6] == 1
    assert labels.labels[12, 12] == 2
    assert instance_map(photo, {7: result(masks[:0])}).object_ids == ()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_edge_alpha_keeps_the_mask(height: int, width: int, seed: int) -> None:
    alpha = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    alpha = np.asarray(Image.fromarray(alpha).resize((3 * width, 3 * height)))
    cleaned = edge_alpha(alpha)
    np.testing.assert_array_equal(cleaned > 127, alpha > 127)


def test_edge_alpha_removes_haze_and_thin_places() -> None:
    alpha = np.full((300, 300), 60, np.uint8)
    alpha[100:200, 100:200], alpha[150, 150] = 200, 140
    cleaned = edge_alpha(alpha)
    assert not cleaned[:90].any()
    assert (cleaned[110:190, 110:190] == 255).all()
