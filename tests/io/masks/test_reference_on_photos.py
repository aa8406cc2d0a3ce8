"""Reference masks that were drawn on turned and unturned photos and frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from vos.errors import VosError
from vos.io.images import read_image
from vos.io.masks.reference import read_reference, read_references

ORIENTATION = 0x0112


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


@pytest.fixture
def stored() -> np.ndarray:
    """A photo as the camera stores it: an L-shaped red object, off the centre."""
    rgb = np.full((48, 80, 3), 90, np.uint8)
    rgb[8:40, 8:16] = rgb[32:40, 8:40] = (230, 10, 10)
    return rgb


def mask_of(rgb: np.ndarray) -> np.ndarray:
    return (rgb[..., 0].astype(int) - rgb[..., 1] > 60).astype(np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("drawn", ["upright", "stored", "with its own note"])
def test_mask_lies_on_the_upright_photo(orientation: int, drawn: str, stored: np.ndarray, tmp_path: Path) -> None:
    if drawn == "stored" and orientation in (2, 3, 4):
        pytest.skip("the same size both ways: taken as upright")
    Image.fromarray(stored).save(tmp_path / "photo.jpg", exif=exif(orientation), quality=95, subsampling=0)
    upright = read_image(tmp_path / "photo.jpg")
    mask = Image.fromarray(mask_of(upright if drawn == "upright" else stored) * 255)
    mask.save(tmp_path / "mask.png", **({"exif": exif(orientation)} if drawn == "with its own note" else {}))
    (label_map,) = read_references([tmp_path / "mask.png"], photos=[tmp_path / "photo.jpg"]).label_maps
    np.testing.assert_array_equal(label_map.labels, mask_of(upright))
    assert label_map.labels.shape == ImageOps.exif_transpose(Image.open(tmp_path / "photo.jpg")).size[::-1]


def test_ids_hold_over_several_masks(stored: np.ndarray, tmp_path: Path) -> None:
    for k, orientation in enumerate((1, 6)):
        Image.fromarray(stored).save(tmp_path / f"{k}.jpg", exif=exif(orientation))
        mask = Image.fromarray(mask_of(stored) * (k + 1))
        mask.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        mask.save(tmp_path / f"{k}.png")
    maps = read_references(
        [tmp_path / "0.png", tmp_path / "1.png"], photos=[tmp_path / "0.jpg", tmp_path / "1.jpg"]
    ).label_maps
    assert [m.object_ids for m in maps] == [(1,), (2,)]
    assert [m.size for m in maps] == [(48, 80), (80, 48)]


def test_wrong_size_and_number_are_named(stored: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(stored).save(tmp_path / "photo.jpg", exif=exif(6))
    Image.new("L", (10, 20), 255).save(tmp_path / "mask.png")
    with pytest.raises(VosError, match=r"mask.png is 20x10, but its photo .*photo.jpg is 80x48"):
        read_references([tmp_path / "mask.png"], photos=[tmp_path / "photo.jpg"])
    with pytest.raises(VosError, match="1 reference photos and 2 masks"):
        read_references(["a.png", "b.png"], photos=["a.jpg"])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_mask_of_a_frame_is_turned_by_its_own_note(orientation: int, stored: np.ndarray, tmp_path: Path) -> None:
    mask = Image.fromarray(mask_of(stored) * 255)
    mask.save(tmp_path / "mask.png", exif=exif(orientation))
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "mask.png"))) > 0
    label_map = read_reference(tmp_path / "mask.png", upright.shape)
    np.testing.assert_array_equal(label_map.labels > 0, upright)


def test_a_note_that_the_size_contradicts_is_left_aside(stored: np.ndarray, tmp_path: Path) -> None:
    # Many programs turn the pixels and keep the note.
    Image.fromarray(stored).save(tmp_path / "photo.jpg", exif=exif(6))
    upright = mask_of(read_image(tmp_path / "photo.jpg"))
    Image.fromarray(upright * 255).save(tmp_path / "mask.png", exif=exif(6))
    on_photo = read_reference(tmp_path / "mask.png", photo=tmp_path / "photo.jpg")
    on_frame = read_reference(tmp_path / "mask.png", (80, 48))
    for label_map in (on_photo, on_frame):
        np.testing.assert_array_equal(label_map.labels, upright)
