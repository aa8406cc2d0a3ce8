"""Photos with embedded colour profiles look as they are meant to: in sRGB, against the profiles' own arithmetic."""

from __future__ import annotations

import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from vos.io.images import read_image

D50 = (0.9642, 1.0, 0.8249)
# Columns X, Y, Z of red, green, blue under D50.
SRGB = np.array([[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]]).T
DISPLAY_P3 = np.array([[0.51512, 0.24120, -0.00105], [0.29198, 0.69225, 0.04189], [0.15710, 0.06657, 0.78407]]).T
ADOBE_RGB = np.array([[0.60974, 0.20528, 0.01947], [0.31111, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]]).T
GAMMA = 2.19921875
CYAN_LAB = (62.0, -30.0, -40.0)
COLOURS = np.array(
    [[[200, 60, 50], [90, 160, 80], [70, 80, 170], [128, 128, 128], [255, 255, 255], [0, 0, 0]]], np.uint8
)


def profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile, version 2.4."""
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 2) + b"t\0" + bytes(78), b"cprt": b"text\0\0\0\0-\0", **tags}
    offset, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = 128 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s12s4s", size, b"test", 0x02400000, kind, space, connection, bytes(12), b"acsp")
    header += bytes(28) + fixed(*D50) + bytes(48)
    assert len(header) == 128
    return header + table + body


def fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def matrix_profile(primaries: np.ndarray, gamma: float = GAMMA, space: bytes = b"RGB ") -> bytes:
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    columns = {n: b"XYZ \0\0\0\0" + fixed(*primaries[:, k]) for k, n in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return profile(b"mntr", space, b"XYZ ", {b"wtpt": b"XYZ \0\0\0\0" + fixed(*D50), **columns, **curves})


def cmyk_profile() -> bytes:
    """Cyan ink looks like CYAN_LAB; everything else grows darker with the ink."""
    entries = b""
    for inks in product((0, 1), repeat=4):
        lab = CYAN_LAB if inks == (1, 0, 0, 0) else (100.0 * (1 - sum(inks) / 4) * (not inks[3]), 0.0, 0.0)
        entries += bytes([round(lab[0] * 2.55), round(lab[1] + 128), round(lab[2] + 128)])
    ramp = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(*D50), b"A2B0": head + ramp * 4 + entries + ramp * 3}
    return profile(b"prtr", b"CMYK", b"Lab ", tags)


def encoded(xyz: np.ndarray) -> np.ndarray:
    """XYZ under D50 (..., 3) as sRGB levels."""
    linear = (xyz @ np.linalg.inv(SRGB).T).clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def from_lab(lab: tuple[float, float, float]) -> np.ndarray:
    fy = (lab[0] + 16) / 116
    return encoded(np.array([fy + lab[1] / 500, fy, fy - lab[2] / 200]) ** 3 * D50)


@pytest.mark.parametrize("primaries", [DISPLAY_P3, ADOBE_RGB], ids=["Display P3", "Adobe RGB"])
@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_wide_colours_become_srgb(primaries: np.ndarray, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOURS).save(path, icc_profile=matrix_profile(primaries), lossless=True)
    expected = encoded((COLOURS / 255) ** GAMMA @ primaries.T)
    assert np.abs(expected - COLOURS).max() > 15  # taken as they are stored, the colours would be wrong
    assert np.abs(read_image(path) - expected).max() <= 1.5


def test_turned_jpeg_palette_and_transparency_keep_everything_else(tmp_path: Path) -> None:
    icc = matrix_profile(ADOBE_RGB)
    expected = encoded((COLOURS / 255) ** GAMMA @ ADOBE_RGB.T)
    exif = Image.Exif()
    exif[0x0112] = 6
    blocks = COLOURS.repeat(16, 0).repeat(16, 1)
    Image.fromarray(np.rot90(blocks)).save(tmp_path / "a.jpg", icc_profile=icc, exif=exif, quality=98, subsampling=0)
    assert np.abs(read_image(tmp_path / "a.jpg")[8:9, 8::16] - expected).max() < 5
    Image.fromarray(COLOURS).quantize(6).save(tmp_path / "a.png", icc_profile=icc)
    assert np.abs(read_image(tmp_path / "a.png") - expected).max() <= 1.5
    alpha = np.array([[[255], [255], [255], [255], [0], [0]]], np.uint8)
    Image.fromarray(np.dstack([COLOURS, alpha])).save(tmp_path / "b.png", icc_profile=icc)
    flat = read_image(tmp_path / "b.png")
    assert np.abs(flat[:, :4] - expected[:, :4]).max() <= 1.5
    assert (flat[:, 4:] == 255).all()


def test_printers_inks(tmp_path: Path) -> None:
    inks = np.array([[[255, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    image = Image.frombytes("CMYK", (3, 1), inks.tobytes())
    image.save(tmp_path / "a.tiff", icc_profile=cmyk_profile())
    expected = np.array([[from_lab(CYAN_LAB), (255, 255, 255), (0, 0, 0)]])
    assert np.abs(read_image(tmp_path / "a.tiff") - expected).max() <= 4
    image.save(tmp_path / "b.tiff")
    assert read_image(tmp_path / "b.tiff")[0, 0].tolist() == [0, 255, 255]


def test_what_needs_no_conversion_keeps_its_bytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(noise).save(tmp_path / "srgb.png", icc_profile=srgb)
    np.testing.assert_array_equal(read_image(tmp_path / "srgb.png"), noise)
    gray = noise[..., 0]
    dot_gain = profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, 256)})
    Image.fromarray(gray).save(tmp_path / "gray.png", icc_profile=dot_gain)
    Image.fromarray(gray.astype(np.uint16) * 257).save(tmp_path / "deep.png", icc_profile=dot_gain)
    for name in ("gray.png", "deep.png"):
        np.testing.assert_array_equal(read_image(tmp_path / name), np.dstack([gray] * 3), name)


@pytest.mark.parametrize(
    "broken",
    [b"no profile", matrix_profile(ADOBE_RGB)[:150], cmyk_profile(), matrix_profile(ADOBE_RGB, space=b"GRAY")],
    ids=["text", "cut off", "of another kind", "damaged"],
)
def test_a_broken_profile_is_ignored(broken: bytes, tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "a.png", icc_profile=broken)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), COLOURS)
