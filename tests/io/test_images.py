"""Photos of every kind come out as upright 8-bit RGB."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image

from vos.errors import VosError
from vos.io.images import list_images, read_image
from vos.io.masks.label_map import read_label_map
from vos.io.masks.reference import read_reference

H, W = 24, 36


def picture() -> np.ndarray:
    y, x = np.mgrid[:H, :W]
    return np.stack([x * 255 // W, y * 255 // H, np.full_like(x, 60)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg", "bmp", "tiff"])
def test_formats(suffix: str, tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / f"a.{suffix}", quality=95)
    rgb = read_image(tmp_path / f"a.{suffix}")
    assert rgb.dtype == np.uint8
    assert rgb.shape == (H, W, 3)
    assert rgb.flags.writeable
    assert np.abs(rgb.astype(int) - picture()).mean() < 4


@pytest.mark.parametrize("suffix", ["png", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int, suffix: str, tmp_path: Path) -> None:
    undo = {  # what the camera stored, for a scene that looks like picture()
        1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2), 6: lambda p: np.rot90(p), 7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(undo[orientation](picture()))).save(tmp_path / f"a.{suffix}", exif=exif)
    assert np.array_equal(read_image(tmp_path / f"a.{suffix}"), picture())


def test_modes(tmp_path: Path) -> None:
    gray = picture()[..., 0]
    Image.fromarray(gray).save(tmp_path / "gray.png")
    Image.fromarray(gray.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Image.fromarray(gray.astype(np.float32) / 255).save(tmp_path / "float.tiff")
    for name in ("gray.png", "deep.png", "float.tiff"):
        assert np.array_equal(read_image(tmp_path / name), np.dstack([gray] * 3)), name
    Image.fromarray(picture()).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "cmyk.jpg").astype(int) - picture()).mean() < 6
    alpha = np.where(np.arange(W) < W // 2, 255, 0)[None].repeat(H, 0).astype(np.uint8)
    Image.fromarray(np.dstack([picture(), alpha])).save(tmp_path / "alpha.png")
    flat = read_image(tmp_path / "alpha.png")
    assert np.array_equal(flat[:, : W // 2], picture()[:, : W // 2])
    assert (flat[:, W // 2 :] == 255).all()


def test_listing_is_natural_and_nested(tmp_path: Path) -> None:
    for name in ("10.jpg", "9.jpg", "b/2.PNG", "b/11.png", "note.txt", ".hidden.jpg", "b/.cache/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    names = [p.relative_to(tmp_path).as_posix() for p in list_images(tmp_path)]
    assert names == ["9.jpg", "10.jpg", "b/2.PNG", "b/11.png"]
    assert [p.name for p in list_images(f"{tmp_path}/*.jpg")] == ["9.jpg", "10.jpg"]
    assert [p.name for p in list_images(tmp_path / "9.jpg")] == ["9.jpg"]
    with pytest.raises(VosError, match="no images found"):
        list_images(tmp_path / "nothing" / "*.jpg")


def test_bad_images_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "huge.ppm").write_bytes(b"P6 60000 60000 255\n" + bytes(100))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (H, W, 3), dtype=np.uint8)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:900])
    for name in ("empty.png", "text.png", "huge.ppm", "cut.png", "missing.png", "."):
        with pytest.raises(VosError) as caught:
            read_image(tmp_path / name)
        assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(VosError, match="pip install pillow-heif"):
        read_image(tmp_path / "a.heic")


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n%%EndComments\nshowpage\n"


def test_postscript_is_never_handed_to_ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(
        EpsImagePlugin, "Ghostscript", lambda *_, **__: started.append(1) or Image.new("RGB", (40, 30)).im
    )
    (tmp_path / "holiday.jpg").write_bytes(POSTSCRIPT)
    with Image.open(tmp_path / "holiday.jpg") as image:  # what Pillow itself does
        image.load()
    assert started
    started.clear()
    for read in (read_image, read_reference, read_label_map):
        with pytest.raises(VosError, match=r"holiday\.jpg cannot be read as an image"):
            read(tmp_path / "holiday.jpg")
    assert not started


def test_pipes_and_devices_are_no_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")  # opened, it would wait for a writer
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(VosError, match="is no regular file"):
            read_image(path)
    Image.fromarray(picture()).save(tmp_path / "a.png")
    assert list_images(tmp_path) == [tmp_path / "a.png"]


def test_what_a_file_holds_is_told_by_its_content(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg", quality=95)
    for name in ("IMG_1.HEIC", "a.png", "a.heif", "no suffix"):
        (tmp_path / name).write_bytes((tmp_path / "a.jpg").read_bytes())
        assert np.array_equal(read_image(tmp_path / name), read_image(tmp_path / "a.jpg"))


def test_heic(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(picture())).save(tmp_path / "a.heic", quality=95)
    assert np.abs(read_image(tmp_path / "a.heic").astype(int) - picture()).mean() < 6


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), suffix=st.sampled_from(["png", "jpg", "webp", "gif", "tiff", "bmp"]))
def test_damaged_bytes_are_an_image_or_one_line(data: st.DataObject, suffix: str, tmp_path: Path) -> None:
    good = tmp_path / f"good.{suffix}"
    Image.fromarray(picture()).save(good)
    content = bytearray(good.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    (tmp_path / "bad").write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        assert read_image(tmp_path / "bad").ndim == 3
    except VosError as error:
        assert "\n" not in str(error)
