"""Chains of elements: whole ones are passed, and lost bytes are seen wherever they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vos.io.readers.structure import WALKS, apng_frames, asf_seconds, is_chain_broken

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "a.mkv": ("matroska,webm", {"audio_seconds": 2.0}),
    "live.webm": ("matroska,webm", {"codec": "libvpx", "container_options": {"live": "1"}}),
    "a.flv": ("flv", {"audio_seconds": 2.0}),
    "a.gif": ("gif", {"codec": "gif", "pixel_format": "rgb8"}),
    "a.wmv": ("asf", {"codec": "wmv2", "size": (240, 320), "options": {"qmin": "1", "qmax": "1"}}),
}


def test_every_walk_is_tested() -> None:
    assert {name for name, _ in KINDS.values()} == set(WALKS)


@pytest.mark.parametrize("name", KINDS)
def test_whole_files_and_lost_bytes(name: str, make_clip: Any) -> None:
    format, options = KINDS[name]
    path = make_clip(name, **options)
    data = path.read_bytes()
    assert not is_chain_broken(str(path), format)
    assert not is_chain_broken(str(path), "avi")  # which cannot be told
    lost = len(data) // 4
    for start in range(len(data) // 3, len(data) - lost, len(data) // 7):
        path.write_bytes(data[:start] + data[start + lost :])
        assert is_chain_broken(str(path), format)
        path.write_bytes(data[:start] + bytes(lost) + data[start + lost :])
        assert is_chain_broken(str(path), format)
    path.write_bytes(data[:6])
    assert is_chain_broken(str(path), format)


def test_a_padded_gif_is_whole(make_clip: Any) -> None:
    path: Path = make_clip("a.gif", codec="gif", pixel_format="rgb8")
    path.write_bytes(path.read_bytes() + bytes(100))
    assert not is_chain_broken(str(path), "gif")


def test_what_headers_say(make_clip: Any) -> None:
    wmv, apng = make_clip("a.wmv", codec="wmv2"), make_clip("a.apng", codec="apng", pixel_format="rgb24")
    assert asf_seconds(str(wmv)) == pytest.approx(2.0, abs=0.11)
    assert apng_frames(str(apng)) == 20
    for path in (wmv, apng):
        path.write_bytes(b"no such file" * 20)
    assert asf_seconds(str(wmv)) is None
    assert apng_frames(str(apng)) == 0
