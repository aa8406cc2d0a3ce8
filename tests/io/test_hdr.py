"""HDR: light by the standards' own figures, tone mapping as FFmpeg's filter computes it."""

from __future__ import annotations

import itertools
from typing import Any

import av
import numpy as np
import pytest
from av.filter import Graph

from vos.io.hdr import DISPLAY_GAMMA, KNEE, PEAK, TO_BT709, WHITE, compressed, from_sdr, to_light, tone_map


@pytest.mark.parametrize(
    ("transfer", "code", "nits"),
    [
        ("pq", 0.0, 0),  # SMPTE ST 2084 as tabled in ITU-R BT.2408
        ("pq", 0.508078, 100),
        ("pq", 0.580690, 203),
        ("pq", 0.751827, 1000),
        ("pq", 1.0, 10_000),
        ("hlg", 0.75, 203),  # BT.2408: diffuse white, on a display of 1,000 cd/m2
        ("hlg", 0.38, 26),  # BT.2408: an 18 % gray card
        ("hlg", 1.0, 1000),
    ],
)
def test_gray_code_values_make_the_light_of_the_standards(transfer: str, code: float, nits: float) -> None:
    codes = np.full((1, 1, 3), round(code * 65535), np.uint16)
    light = to_light(codes, transfer) * WHITE
    assert light == pytest.approx(nits, rel=0.01, abs=0.01)


def test_the_matrix_is_that_of_the_primaries() -> None:
    """Computed from the chromaticities of BT.2020, BT.709 and D65."""

    def to_xyz(primaries: Any) -> Any:
        columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
        white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
        return columns * np.linalg.solve(columns, white)

    bt2020 = to_xyz([(0.708, 0.292), (0.170, 0.797), (0.131, 0.046)])
    bt709 = to_xyz([(0.640, 0.330), (0.300, 0.600), (0.150, 0.060)])
    assert np.abs(np.linalg.inv(bt709) @ bt2020 - TO_BT709).max() < 1e-4


def test_light_is_compressed_as_by_ffmpeg() -> None:
    light = np.linspace(0, PEAK / WHITE, 64 * 64 * 3, dtype=np.float32)
    light = np.random.default_rng(0).permutation(light).reshape(64, 64, 3)
    frame: Any = av.VideoFrame.from_ndarray(light, "gbrpf32le")
    frame.color_trc = 8  # linear
    graph = Graph()
    parts = [
        graph.add_buffer(width=64, height=64, format="gbrpf32le", time_base=1),
        graph.add("tonemap", f"mobius:param={KNEE}:desat=0:peak={PEAK / WHITE}"),
        graph.add("buffersink"),
    ]
    for first, second in itertools.pairwise(parts):
        first.link_to(second)
    graph.configure()
    graph.push(frame)
    expected = graph.pull().to_ndarray()
    strongest = light.max(axis=2, keepdims=True)
    assert np.abs(light * compressed(strongest) / np.maximum(strongest, 1e-6) - expected).max() < 1e-4


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_standard_pictures_survive_the_way_to_hdr_and_back(transfer: str) -> None:
    rgb = np.random.default_rng(0).integers(40, 256, (70, 50, 3), dtype=np.uint8)
    light = to_light(from_sdr(rgb, transfer), transfer) @ TO_BT709.T
    assert np.abs(light.clip(0) ** (1 / DISPLAY_GAMMA) * 255 - rgb).max() < 0.5
    dark = rgb // 2 + 20  # light that is not compressed
    assert np.abs(tone_map(from_sdr(dark, transfer), transfer).astype(int) - dark).max() <= 1
    assert tone_map(from_sdr(np.full((1, 1, 3), 255, np.uint8), transfer), transfer) == pytest.approx(217, abs=1)
    assert (tone_map(np.full((2, 3, 3), 65535, np.uint16), transfer) == 255).all()
