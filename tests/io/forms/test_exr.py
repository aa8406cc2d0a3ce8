"""OpenEXR files, read by FFmpeg's own decoder: linear light, layers, Cryptomatte."""

from __future__ import annotations

import json
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.colour_space import ColourSpace, to_linear
from vos.io.config import ExrConfig, MatteConfig, OutputConfig, SequenceConfig
from vos.io.forms.exr import cryptomatte_channels, layer_names
from vos.io.frames import open_frames
from vos.io.hdr import from_sdr, to_light
from vos.io.render import union_alpha
from vos.io.writers.choice import make_writers, output_paths
from vos.matting.foreground import decontaminated
from vos.structures import SegmentedFrame

from .conftest import COUNT, IDS, SIZE, result_of

COMMON = Clip("clip", "0" * 32, original_ids={4: IDS[4]})


def soft_result(frame: Any) -> SegmentedFrame:
    """Both objects with soft edges, and a place that they share."""
    hard = result_of(frame)
    alpha = [cv2.GaussianBlur((hard.label_map.labels == i).astype(np.uint8) * 255, (0, 0), 3) for i in (1, 4)]
    alpha[0][70:75, 75:80], alpha[1][70:75, 75:80] = 100, 155
    return replace(hard, alpha=np.stack(alpha))


def write(make_clip: Any, folder: Path, count: int = 1, hdr: str | None = None, **options: Any) -> list[SegmentedFrame]:
    config = OutputConfig(**options)
    with open_frames(str(make_clip("clip.mp4", count=COUNT, size=SIZE))) as source:
        source.colour_space = ColourSpace(9, 16, 9) if hdr else ColourSpace(5, 6, 5)
        source.hdr = hdr
        (writer,) = make_writers(output_paths(["exr"], folder, config), source, COMMON, config)
        results = [soft_result(frame) for frame in source.frames(0, count)]
        if hdr:
            results = [replace(one, frame=replace(one.frame, hdr=from_sdr(one.frame.rgb, hdr))) for one in results]
        with writer:
            for one in results:
                writer.write(one)
    return results


def layer(path: Path, name: str = "") -> np.ndarray:
    """Reads R, G, B, A of a layer with FFmpeg, float32 (H, W, 4)."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.options = {"layer": name} if name else {}
        frame: Any = next(container.decode(video=0))
    kind = np.float16 if frame.format.name == "gbrapf16le" else np.float32
    planes = [np.frombuffer(frame.planes[k], kind).reshape(frame.height, -1)[:, : frame.width] for k in (2, 0, 1, 3)]
    return np.dstack(planes).astype(np.float32)


def attributes(path: Path) -> dict[str, bytes]:
    """Reads a header, attribute by attribute."""
    data, at, found = path.read_bytes(), 8, {}
    while data[at]:
        name, _, rest = data[at:].split(b"\0", 2)
        (size,) = struct.unpack("<i", rest[:4])
        found[name.decode()] = rest[4 : 4 + size]
        at = len(data) - len(rest) + 4 + size
    return found


def murmur(text: str) -> int:
    """MurmurHash3, x86, 32 bits, seed 0, after its public description."""
    data, h, mask = text.encode(), 0, 0xFFFFFFFF

    def mixed(k: int) -> int:
        k = k * 0xCC9E2D51 & mask
        return ((k << 15 | k >> 17) & mask) * 0x1B873593 & mask

    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        h ^= mixed(int.from_bytes(data[i : i + 4], "little"))
        h = ((h << 13 | h >> 19) & mask) * 5 + 0xE6546B64 & mask
    h ^= mixed(int.from_bytes(data[whole:], "little")) ^ len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & mask
    h = (h ^ h >> 13) * 0xC2B2AE35 & mask
    return h ^ h >> 16


@pytest.fixture
def packages() -> None:
    pytest.importorskip("OpenEXR", reason="pip install 'vos[exr]'")
    pytest.importorskip("mmh3", reason="pip install 'vos[exr]'")


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("decontaminate", [True, False])
def test_colours_are_light_times_alpha(decontaminate: bool, make_clip: Any, tmp_path: Path) -> None:
    (whole,) = write(make_clip, tmp_path, matte=MatteConfig(decontaminate=decontaminate))
    path = tmp_path / "exr" / "00000.exr"
    assert whole.alpha is not None
    for name, alpha in (("", union_alpha(whole)), ("rex_Co", whole.alpha[0]), ("object_2003", whole.alpha[1])):
        share = alpha[..., None].astype(np.float32) / 255
        light = to_linear(decontaminated(whole.frame.rgb, alpha) if decontaminate else whole.frame.rgb, 1)
        np.testing.assert_allclose(layer(path, name), np.dstack([light * share, share]), atol=0.0006)
    told = attributes(path)
    assert struct.unpack("<8f", told["chromaticities"])[:4] == pytest.approx((0.64, 0.33, 0.29, 0.60))
    assert told["compression"] == b"\3"
    half = {name for name in told["channels"].split(b"\0") if name.endswith((b"R", b".A"))}
    assert {b"R", b"rex_Co.R", b"rex_Co.A", b"object_2003.R"} <= half


@pytest.mark.usefixtures("packages")
def test_dwaa_loses_little_of_the_colours_and_nothing_of_alpha(make_clip: Any, tmp_path: Path) -> None:
    import OpenEXR  # FFmpeg does not understand several layers in it

    write(make_clip, tmp_path / "zip")
    write(make_clip, tmp_path / "dwaa", exr=ExrConfig("dwaa"))
    lossless, lossy = (tmp_path / name / "exr" / "00000.exr" for name in ("zip", "dwaa"))
    assert attributes(lossy)["compression"] == b"\10"
    exact, near = (OpenEXR.File(str(path), separate_channels=True).channels() for path in (lossless, lossy))
    assert exact.keys() == near.keys()
    for name in exact:
        difference = np.abs(exact[name].pixels.astype(np.float32) - near[name].pixels)
        assert difference.mean() < 0.01
        assert not name.endswith("A") or difference.max() == 0


@pytest.mark.usefixtures("packages")
def test_hdr_is_light_relative_to_white(make_clip: Any, tmp_path: Path) -> None:
    (whole,) = write(make_clip, tmp_path, hdr="pq")
    assert whole.frame.hdr is not None
    codes = decontaminated(whole.frame.hdr, union_alpha(whole))
    expected = to_light(codes, "pq") * (union_alpha(whole)[..., None].astype(np.float32) / 255)
    np.testing.assert_allclose(layer(tmp_path / "exr" / "00000.exr")[..., :3], expected, rtol=0.001, atol=1e-4)


@pytest.mark.usefixtures("packages")
def test_cryptomatte_gives_every_soft_mask_back_exactly(make_clip: Any, tmp_path: Path) -> None:
    results = write(
        make_clip, tmp_path, COUNT, exr=ExrConfig(cryptomatte=True), sequence=SequenceConfig(first_number=1001)
    )
    for number, whole in enumerate(results, start=1001):
        assert whole.alpha is not None
        path = tmp_path / "exr" / f"{number}.exr"
        told = attributes(path)
        place = f"cryptomatte/{murmur('cryptoObject'):08x}"[:19]
        texts = {k: told[f"{place}/{k}"].decode() for k in ("name", "hash", "conversion", "manifest")}
        manifest = json.loads(texts.pop("manifest"))
        assert texts == {"name": "cryptoObject", "hash": "MurmurHash3_32", "conversion": "uint32_to_float32"}
        assert manifest == {name: f"{murmur(name):08x}" for name in ("rex_Co", "object_2003")}
        crypto = layer(path, "cryptoObject00")
        for name, alpha in zip(manifest, whole.alpha, strict=True):
            (wanted,) = struct.unpack(">f", bytes.fromhex(manifest[name]))
            coverage = sum(crypto[..., k + 1] * (crypto[..., k] == np.float32(wanted)) for k in (0, 2))
            np.testing.assert_array_equal(np.round(coverage * 255), alpha)
        assert (crypto[..., 1] >= crypto[..., 3]).all()
        assert (crypto[..., 0][crypto[..., 1] == 0] == 0).all()


@pytest.mark.usefixtures("packages")
def test_hashes_are_the_specifications_and_floats() -> None:
    from vos.io.forms.exr import _bits

    assert (_bits("bunny"), _bits("default")) == (0x13851A76, 0x42C9679F)  # its own example
    names = [f"object_{i}" for i in range(3000)]
    bits = np.array([_bits(name) for name in names], np.uint32)
    floats = bits.view(np.float32)
    assert np.isfinite(floats).all()
    assert (np.abs(floats) >= np.finfo(np.float32).tiny).all()
    changed = [name for name, one in zip(names, bits.tolist()) if one != murmur(name)]
    assert 5 < len(changed) < 60  # two exponents of 256
    assert all(_bits(name) == murmur(name) ^ (1 << 23) for name in changed)


@pytest.mark.usefixtures("packages")
def test_more_objects_than_fit_into_a_layer() -> None:
    alphas = np.random.default_rng(0).integers(0, 40, (5, 8, 9)).astype(np.uint8)
    names = [f"object_{i}" for i in range(5)]
    channels = cryptomatte_channels(names, alphas)
    assert len(channels) == 12
    found = np.zeros_like(alphas)
    for rank in range(6):
        of_id, of_coverage = ("RG", "BA")[rank % 2]
        ids, coverage = (channels[f"cryptoObject{rank // 2:02d}.{sign}"] for sign in (of_id, of_coverage))
        for k, name in enumerate(names):
            wanted = np.array([murmur(name)], np.uint32).view(np.float32)[0]
            found[k] += (np.round(coverage * 255) * (ids == wanted)).astype(np.uint8)
    np.testing.assert_array_equal(found, alphas)
    assert len(cryptomatte_channels([], np.zeros((0, 4, 4), np.uint8))) == 4


def test_names_of_layers_are_all_different() -> None:
    given = {1: "rex & Co", 2: "ball", 3: "ball", 2003: "犬", 5: "cryptoObject00", 6: "a.b", 7: "object_2"}
    assert layer_names(given) == ["rex_Co", "object_2", "object_3", "object_2003", "object_5", "a_b", "object_7"]


def test_without_the_package_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(VosError, match=r"^output=exr needs more packages: pip install 'vos\[exr\]'$"):
        output_paths(["exr"], tmp_path)
    with pytest.raises(VosError, match="would damage Cryptomatte's ids"):
        ExrConfig("dwaa", cryptomatte=True)
    with pytest.raises(VosError, match=r"exr\.compression=piz is not understood; choose zip or dwaa"):
        ExrConfig("piz")
