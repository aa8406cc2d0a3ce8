"""What is written for a photo: masks, overlays, cut-outs and backgrounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vos.album.config import DreamboothConfig
from vos.album.outputs import PHOTO_OUTPUTS, SOFT_OUTPUTS, PhotoOutputs, instance_map, write_photo
from vos.io.config import SoftMaskConfig
from vos.io.masks.label_map import read_label_map
from vos.matting.alpha import soft_masks
from vos.photos.result import Instance, PhotoResult
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

INSIDE, OUTSIDE, FAR = (60, 80), (60, 40), (5, 5)  # rows, columns


def segmented(present: bool = True) -> SegmentedFrame:
    """A red square, found as object 3, in a green photo with noise."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 40, (120, 160, 3)).astype(np.uint8)
    rgb[..., 1] += 120
    rgb[30:90, 50:110] = (220, 20, 20)
    labels = np.zeros((120, 160), np.uint8)
    if present:
        labels[30:90, 50:110] = 3
    alpha = soft_masks(labels, (3,), rgb)
    presence = Presence.PRESENT if present else Presence.ABSENT
    frame = Frame(0, "trip/IMG_1", 0.0, rgb)
    return SegmentedFrame(frame, LabelMap(labels, (3,)), np.ones(1, np.float32), (presence,), alpha)


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


def blurred_edge() -> SegmentedFrame:
    """The same photo out of focus."""
    photo = segmented()
    rgb = np.asarray(cv2.GaussianBlur(photo.frame.rgb, (0, 0), 3), np.uint8)
    labels = photo.label_map.labels
    return replace(photo, frame=replace(photo.frame, rgb=rgb), alpha=soft_masks(labels, (3,), rgb))


@pytest.mark.parametrize("decontaminate", [True, False])
def test_cutout_has_the_objects_own_colours(decontaminate: bool, tmp_path: Path) -> None:
    photo = blurred_edge()
    path = write_photo("cutout", tmp_path, photo, matte=SoftMaskConfig(decontaminate=decontaminate))
    rgba = np.asarray(Image.open(str(path))).astype(int)
    assert rgba.shape == (120, 160, 4)
    assert np.abs(rgba[INSIDE] - (220, 20, 20, 255)).max() < 4
    assert rgba[OUTSIDE][3] == rgba[FAR][3] == 0
    rim = (rgba[..., 3] > 40) & (rgba[..., 3] < 215)
    assert rim.sum() > 300
    assert (np.abs(rgba[rim][:, :3] - (220, 20, 20)).mean() < 20) == decontaminate
    if not decontaminate:
        np.testing.assert_array_equal(rgba[rim][:, :3], photo.frame.rgb[rim])


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


def test_soft_outputs_are_as_soft_as_asked_and_made_anew_for_it(tmp_path: Path) -> None:
    photo = segmented()
    found = {3: result((photo.label_map.labels == 3)[None])}
    fast, best = (PhotoOutputs(tmp_path, SOFT_OUTPUTS, matte=SoftMaskConfig(quality)) for quality in ("fast", "best"))
    changed = {name for name, mark in fast.wanted().items() if best.wanted()[name] != mark}
    assert changed == set(SOFT_OUTPUTS)
    for outputs in (fast, best):
        outputs.write("a", photo.frame.rgb, found, ["cutout"])
        soft = soft_masks(photo.label_map.labels, (3,), photo.frame.rgb, outputs.matte.quality)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "cutout/a.png"))[..., 3], soft[0])


@pytest.mark.parametrize("decontaminate", [True, False])
def test_training_pictures_have_the_objects_own_colours(decontaminate: bool, tmp_path: Path) -> None:
    photo = blurred_edge()
    found = {3: result((photo.label_map.labels == 3)[None])}
    options = DreamboothConfig(background="transparent")
    outputs = PhotoOutputs(
        tmp_path, ["dreambooth"], dreambooth=options, matte=SoftMaskConfig(decontaminate=decontaminate)
    )
    outputs.write("a", photo.frame.rgb, found, ["dreambooth"])
    rgba = np.asarray(Image.open(tmp_path / "dreambooth/train/images/a.png")).astype(int)
    np.testing.assert_array_equal(rgba[..., 3], np.asarray(Image.open(tmp_path / "dreambooth/masks/a.png")))
    rim = (rgba[..., 3] > 40) & (rgba[..., 3] < 215)
    assert rim.sum() > 3000
    assert (np.abs(rgba[rim][:, :3] - (220, 20, 20)).mean() < 20) == decontaminate
