"""Training pictures: squares that hold the object, their masks, and metadata that the loaders read."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vos.album.dreambooth import flat_name, parse_background, square_crop, write_crop, write_metadata
from vos.errors import VosError


def scene(height: int, width: int, box: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A red object (x, y, width, height) on green, and its mask."""
    rgb, alpha = np.full((height, width, 3), (20, 160, 20), np.uint8), np.zeros((height, width), np.uint8)
    x, y, w, h = box
    rgb[y : y + h, x : x + w], alpha[y : y + h, x : x + w] = (230, 20, 20), 255
    return rgb, alpha


def test_square_is_centred_with_its_margin() -> None:
    rgb, alpha = scene(300, 400, (150, 100, 100, 50))
    picture, mask = square_crop(rgb, alpha, 512, 0.1, "keep")
    assert picture.shape == (512, 512, 3)
    assert mask.shape == (512, 512)
    ys, xs = np.nonzero(mask > 127)
    scale = 512 / 120
    assert (xs.min(), xs.max() + 1) == pytest.approx((10 * scale, 110 * scale), abs=2)
    assert (ys.min(), ys.max() + 1) == pytest.approx((35 * scale, 85 * scale), abs=2)
    np.testing.assert_array_equal(picture[256, 256], (230, 20, 20))
    np.testing.assert_array_equal(picture[20, 20], (20, 160, 20))


def test_square_moves_into_the_photo_where_it_can() -> None:
    rgb, alpha = scene(300, 400, (0, 0, 80, 80))
    picture, mask = square_crop(rgb, alpha, 512, 0.25, "keep")
    assert mask[0, 0] == 255
    assert (picture[500, 500] == (20, 160, 20)).all()
    assert np.count_nonzero(mask > 127) == pytest.approx(512**2 * (80 / 120) ** 2, rel=0.02)


def test_what_lies_beyond_the_photo_is_background() -> None:
    rgb, alpha = scene(100, 400, (50, 0, 300, 100))  # wider than the photo is high
    picture, mask = square_crop(rgb, alpha, 512, 0.0, (1, 2, 3))
    np.testing.assert_array_equal(picture[5, 256], (1, 2, 3))
    assert mask[256, 256] == 255
    assert mask[5].max() == mask[-5].max() == 0
    blurred, _ = square_crop(rgb, alpha, 512, 0.1, "blur")
    assert blurred[5, 256, 0] < 60 < blurred[5, 256, 1]  # the photo's green, not the object's red


def test_backgrounds() -> None:
    rgb, alpha = scene(200, 200, (60, 60, 80, 80))
    white, _ = square_crop(rgb, alpha, 512, 0.2)
    clear, mask = square_crop(rgb, alpha, 512, 0.2, "transparent")
    assert white[5, 5].tolist() == [255] * 3
    assert white[256, 256].tolist() == [230, 20, 20]
    assert clear.shape == (512, 512, 4)
    np.testing.assert_array_equal(clear[..., 3], mask)
    assert clear[5, 5].tolist() == [255, 255, 255, 0]  # trainers that drop alpha see white, not the photo


@given(
    st.integers(1, 90), st.integers(1, 90), st.integers(0, 89), st.integers(0, 89), st.integers(1, 90),
    st.integers(1, 90), st.sampled_from([0.0, 0.1, 1.5]), st.sampled_from(["blur", "transparent", (9, 9, 9)]),
)  # fmt: skip
def test_any_object_gives_a_square_that_holds_it(
    height: int, width: int, x: int, y: int, w: int, h: int, margin: float, background: str | tuple[int, int, int]
) -> None:
    x, y = x % width, y % height
    rgb, alpha = scene(height, width, (x, y, w, h))
    picture, mask = square_crop(rgb, alpha, 64, margin, background)
    assert picture.shape[:2] == mask.shape == (64, 64)
    side = math.ceil(max(min(w, width - x), min(h, height - y)) * (1 + 2 * margin))
    area = np.count_nonzero(alpha) / side**2
    assert mask.mean() / 255 == pytest.approx(area, abs=0.12 + 2 / max(1, min(w, h)))


def test_words_and_colours() -> None:
    assert parse_background("White") == (255, 255, 255)
    assert parse_background("#0a0B0c") == (10, 11, 12)
    assert parse_background("transparent") == "transparent"
    with pytest.raises(VosError, match=r"background pink .* transparent, blur"):
        parse_background("pink")


def test_metadata_names_every_picture_and_forgets_the_others(tmp_path: Path) -> None:
    picture, mask = square_crop(*scene(50, 60, (10, 10, 20, 20)), 64)
    files = [write_crop(tmp_path, name, picture, mask) for name in ("a", "trip/b", "gone")]
    rows = [{"file_name": file.as_posix(), "text": "a photo of sks rex"} for file in files]
    write_metadata(tmp_path, rows)
    (tmp_path / "train/images/own.png").touch()  # a picture that the user has added
    write_metadata(tmp_path, rows[:2])
    lines = (tmp_path / "train/metadata.jsonl").read_text().splitlines()
    assert [json.loads(line)["file_name"] for line in lines] == ["images/a.png", "images/trip__b.png"]
    assert all((tmp_path / "train" / json.loads(line)["file_name"]).is_file() for line in lines)
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == ["a.png", "trip__b.png"]
    assert sorted(path.name for path in (tmp_path / "train/images").iterdir()) == ["a.png", "own.png", "trip__b.png"]
    assert Image.open(tmp_path / "masks/a.png").mode == "L"


@given(st.lists(st.text("ab_/", min_size=1, max_size=8), min_size=2, max_size=6, unique=True))
def test_different_photos_keep_different_names(names: list[str]) -> None:
    flat = [flat_name(name) for name in names]
    assert len(set(flat)) == len(names)
    assert not any("/" in name for name in flat)
