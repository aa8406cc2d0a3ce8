"""What the pixels of a mask say, in the notations of data sets and programs: every object that was drawn is there."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from vos.errors import VosError
from vos.io.masks.reference import ReferenceMasks, read_references

SIZE = (60, 80)
VOC = ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))


def labels(count: int = 3) -> npt.NDArray[np.uint8]:
    """Rectangles, the first two side by side."""
    drawn = np.zeros(SIZE, np.uint8)
    for i, (y, x) in enumerate(((5, 5), (5, 25), (35, 50), (35, 10))[:count], start=1):
        drawn[y : y + 15, x : x + 20] = i
    return drawn


def rimmed(drawn: npt.NDArray[np.uint8], width: int = 1) -> npt.NDArray[np.uint8]:
    """A rim of 255 around every object."""
    near = np.zeros(drawn.shape, bool)
    for dy, dx in itertools.product(range(-width, width + 1), repeat=2):
        near |= np.roll(drawn, (dy, dx), (0, 1)) > 0
    return np.where(near & (drawn == 0), 255, drawn).astype(np.uint8)


def read(folder: Path, *pictures: Any, suffix: str = "png", **options: Any) -> ReferenceMasks:
    paths = []
    for number, picture in enumerate(pictures):
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        paths.append(folder / f"{number}.{suffix}")
        image.save(paths[-1], **options)
    return read_references(paths)


def palette(drawn: npt.NDArray[np.uint8], colours: tuple[tuple[int, int, int], ...] = VOC) -> Image.Image:
    image = Image.fromarray(drawn)
    image.putpalette([value for colour in colours for value in colour])
    return image


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (np.uint16, (1001, 1002, 2005)),  # MOTS: 1000 x class + instance
        (np.uint16, (26_000, 26_001, 26_002)),  # Cityscapes
        (np.uint16, (256, 257, 512)),
        (np.uint16, (256, 512, 65_535)),
        (np.int32, (70_000, 70_001, 16_777_216)),
        (np.uint16, (7, 8, 300)),
    ],
)
def test_ids_above_255_are_numbered_and_said(dtype: type, values: tuple[int, ...], tmp_path: Path) -> None:
    given = read(tmp_path, np.asarray((0, *values), dtype)[labels()], suffix="tiff" if dtype is np.int32 else "png")
    np.testing.assert_array_equal(given.label_maps[0].labels, labels())
    assert given.original_ids == dict(enumerate(values, start=1))
    assert given.describe() == "3 objects: " + ", ".join(f"{i} = {v} (300 px)" for i, v in enumerate(values, start=1))


def test_ids_above_255_are_the_same_object_in_every_mask(tmp_path: Path) -> None:
    table = np.asarray((0, 1001, 1002, 2005), np.uint16)
    one = np.where(labels() == 2, labels(), 0)
    given = read(tmp_path, table[one], table[labels()])
    assert given.original_ids == {1: 1001, 2: 1002, 3: 2005}
    np.testing.assert_array_equal(given.label_maps[0].labels, one)
    assert given.describe() == "3 objects in 2 masks: 1 = 1001 (300 px), 2 = 1002 (600 px), 3 = 2005 (300 px)"


def test_a_thin_object_with_a_high_id_is_not_a_soft_edge(tmp_path: Path) -> None:
    drawn = labels()
    drawn[20:22, 5:60] = 4  # no pixel of it has only its own around it; it lies between 1001 and 0
    given = read(tmp_path, np.asarray((0, 1001, 1002, 2005, 900), np.uint16)[drawn])
    assert given.original_ids == {1: 900, 2: 1001, 3: 1002, 4: 2005}
    np.testing.assert_array_equal(given.label_maps[0].labels == 1, drawn == 4)


def test_sixteen_bits_of_brightness_are_cut_at_half(tmp_path: Path) -> None:
    soft = np.asarray(
        Image.fromarray((labels(1) > 0).astype(np.float32)).resize((320, 240), Image.Resampling.BICUBIC)
    ).clip(0, 1)
    for top in (65_535, 40_000):
        (label_map,) = read(tmp_path, (soft * top).astype(np.uint16)).label_maps
        assert label_map.object_ids == (1,)
        assert np.abs((label_map.labels > 0).astype(int) - (soft > 0.5)).mean() < 0.001


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("form", ["gray", "palette", "rgb of the palette"])
def test_void_around_objects_is_background(form: str, width: int, tmp_path: Path) -> None:
    drawn: Any = rimmed(labels(), width)
    if form != "gray":
        drawn = palette(drawn, VOC + ((224, 224, 192),) * 252)
    given = read(tmp_path, drawn.convert("RGB") if form == "rgb of the palette" else drawn)
    np.testing.assert_array_equal(given.label_maps[0].labels, labels())
    void = "(224, 224, 192)" if form == "rgb of the palette" else "255"
    assert given.describe().endswith(f"3 (300 px); {void} taken as void") or form == "rgb of the palette"
    assert given.void == void


def test_255_is_an_object_where_nothing_says_void(tmp_path: Path) -> None:
    for drawn in (labels(1) * 255, np.asarray((0, 85, 170, 255), np.uint8)[labels()], palette(labels(1) * 255)):
        given = read(tmp_path, drawn)
        assert given.void == ""
        np.testing.assert_array_equal(given.label_maps[0].labels > 0, np.asarray(drawn) > 0)


@pytest.mark.parametrize(
    "colours",
    [
        ((200, 30, 30), (210, 35, 30), (30, 30, 200)),
        ((200, 30, 30), (200, 30, 31), (200, 30, 32)),
        ((1, 0, 0), (2, 0, 0), (3, 0, 0)),  # COCO panoptic: id = R + 256 G + 65536 B
        ((14, 200, 1), (99, 3, 2), (240, 0, 3)),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tiff"])
def test_exact_colours_stay_apart(colours: tuple[tuple[int, int, int], ...], suffix: str, tmp_path: Path) -> None:
    rgb = np.asarray(((0, 0, 0), *colours), np.uint8)[labels()]
    given = read(tmp_path, rgb, suffix=suffix, **({"lossless": True, "exact": True} if suffix == "webp" else {}))
    order = [sorted(colours).index(colour) + 1 for colour in colours]
    np.testing.assert_array_equal(given.label_maps[0].labels, np.asarray((0, *order))[labels()])
    assert given.names == {i: str(colour) for i, colour in enumerate(sorted(colours), start=1)}


def test_a_hundred_small_segments_are_a_hundred_objects(tmp_path: Path) -> None:
    drawn = np.zeros((300, 400), np.int64)
    for i in range(100):
        drawn[5 + i // 10 * 25 :, :][:5, 5 + i % 10 * 35 :][:, :5] = i + 1
    rgb = np.stack([drawn, np.zeros_like(drawn), np.zeros_like(drawn)], axis=2).astype(np.uint8)
    assert len(read(tmp_path, rgb).label_maps[0].object_ids) == 100
    gray = drawn.astype(np.uint8)
    np.testing.assert_array_equal(read(tmp_path, gray).label_maps[0].labels, gray)


@pytest.mark.parametrize("levels", [(1, 40, 200), (200, 201, 202), (60, 61, 250), (33, 34, 35)])
def test_gray_levels_are_one_object_each(levels: tuple[int, ...], tmp_path: Path) -> None:
    given = read(tmp_path, np.asarray((0, *levels), np.uint8)[labels()])
    np.testing.assert_array_equal(given.label_maps[0].labels, labels())
    assert given.names == {i: f"gray {level}" for i, level in enumerate(levels, start=1)}


def test_levels_of_a_lossy_file_are_not_cut_at_half(tmp_path: Path) -> None:
    gray = np.kron(np.asarray((0, 85, 170, 255), np.uint8)[labels()], np.ones((4, 4), np.uint8))
    (label_map,) = read(tmp_path, gray, suffix="jpg", quality=80).label_maps
    assert (label_map.labels == np.kron(labels(), np.ones((4, 4), np.uint8))).mean() > 0.99


@pytest.mark.parametrize("scale", [3, 4, 8])
def test_the_rims_that_resizing_leaves_are_no_objects(tmp_path: Path, scale: int) -> None:
    drawn = Image.new("L", (160, 96))
    ImageDraw.Draw(drawn).rectangle((40, 20, 90, 70), fill=255)
    enlarged = drawn.resize((160 * scale, 96 * scale), Image.Resampling.LANCZOS)
    resized = np.asarray(enlarged.resize((160, 96), Image.Resampling.LANCZOS))
    assert (resized == 3).sum() > 100, "it rings"
    (label_map,) = read(tmp_path, resized).label_maps
    assert label_map.object_ids == (1,)
    np.testing.assert_array_equal(label_map.labels > 0, resized > 127)


def test_a_soft_mask_that_was_enlarged_by_blocks_is_one_object(tmp_path: Path) -> None:
    small = Image.fromarray(labels(1) * 255).resize((20, 15), Image.Resampling.BICUBIC)
    soft = np.kron(np.asarray(small), np.ones((4, 4), np.uint8))
    (label_map,) = read(tmp_path, soft).label_maps
    assert label_map.object_ids == (1,)
    np.testing.assert_array_equal(label_map.labels > 0, soft > 127)


def test_ids_as_floats_and_without_background(tmp_path: Path) -> None:
    for drawn in (labels().astype(np.float32), labels() + 1):
        given = read(tmp_path, drawn, suffix="tiff")
        np.testing.assert_array_equal(given.label_maps[0].labels, drawn)


def test_a_gray_photo_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(40, 220, SIZE).astype(np.uint8)
    with pytest.raises(VosError, match="looks like a photo"):
        read(tmp_path, noise)


def test_many_objects_are_counted_and_the_first_named(tmp_path: Path) -> None:
    drawn = np.arange(1, 31, dtype=np.uint8).repeat(40)[None].repeat(20, 0)
    assert read(tmp_path, drawn).describe().endswith("12 (800 px), 18 more")


def test_an_inverted_mask_and_a_speck_are_asked_about(tmp_path: Path) -> None:
    inverted = np.full((20, 50), 255, np.uint8)
    inverted[5:10, 5:15] = 0
    assert read(tmp_path, inverted).describe() == "1 object: 1 (950 px, 95% of the frame: is the mask inverted?)"
    speck = np.zeros((20, 50), np.uint8)
    speck[3, 4] = 255
    assert read(tmp_path, speck).describe() == "1 object: 1 (1 px, is that all of it?)"
    assert "?" not in read(tmp_path, 255 - inverted).describe()
