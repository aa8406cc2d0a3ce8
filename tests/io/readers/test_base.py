"""What every reader promises, whatever it reads: frames in order, from anywhere, with bounded memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vos.errors import VosError
from vos.io.frames import open_frames
from vos.io.readers import base
from vos.io.readers.base import FrameSource

OpenNumbered = Callable[..., FrameSource]


@pytest.fixture(params=["pyav", "decord", "folder"])
def open_numbered(request: pytest.FixtureRequest, make_clip: Any, tmp_path: Path) -> OpenNumbered:
    """``open_numbered(count=20, size=(48, 64))`` opens so many numbered frames with every reader in turn."""
    if request.param == "decord":
        pytest.importorskip("decord")

    def opened(count: int = 20, size: tuple[int, int] = (48, 64)) -> FrameSource:
        clip = make_clip(f"{count}.mp4", count=count, size=size, options={"g": "250"})
        if request.param != "folder":
            return open_frames(str(clip), request.param)
        (tmp_path / str(count)).mkdir()
        with open_frames(str(clip)) as source:
            for frame in source:
                Image.fromarray(frame.rgb).save(tmp_path / str(count) / f"{frame.name}.png")
        return open_frames(str(tmp_path / str(count)))

    return opened


def test_frames_come_in_order_and_from_anywhere(open_numbered: OpenNumbered, number_of: Any) -> None:
    with open_numbered() as source:
        assert not source.is_live
        assert (source.count, source.size) == (20, (48, 64))
        frames = list(source)
        assert [(f.index, f.name, number_of(f.rgb)) for f in frames] == [(i, f"{i:05d}", i) for i in range(20)]
        assert [f.time for f in frames] == pytest.approx([i / source.fps for i in range(20)])
        assert [f.index for f in source.frames(18)] == [18, 19]
        assert [number_of(f.rgb) for f in source.frames(4, 7)] == [4, 5, 6]
        assert [number_of(source.frame(i).rgb) for i in (19, 0, 7)] == [19, 0, 7]


@pytest.mark.parametrize("limit", [1, 4, 64])
def test_reading_backwards_holds_a_bounded_number_of_frames(
    limit: int, open_numbered: OpenNumbered, number_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "REVERSE_FRAMES", limit)
    frame_bytes = 96 * 128 * 3
    with open_numbered(120, (96, 128)) as source:
        tracemalloc.start()
        try:
            numbers = [number_of(f.rgb) for f in source.reversed_frames(119)]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert numbers == list(range(119, -1, -1))
    assert peak < (min(limit, 120) + 8) * frame_bytes + 500_000


def test_streaming_holds_one_frame(open_numbered: OpenNumbered) -> None:
    peaks = []
    for count in (20, 200):
        with open_numbered(count, (240, 320)) as source:
            tracemalloc.start()
            try:
                assert sum(1 for _ in source) == count
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
    assert peaks[1] < peaks[0] + 240 * 320 * 3


def test_passes_do_not_disturb_each_other(open_numbered: OpenNumbered, number_of: Any) -> None:
    with open_numbered() as source:
        pairs = [(number_of(a.rgb), number_of(b.rgb)) for a, b in zip(source, source.reversed_frames(19))]
    assert pairs == [(i, 19 - i) for i in range(20)]


def test_one_frame(open_numbered: OpenNumbered, number_of: Any) -> None:
    with open_numbered(1) as source:
        assert [number_of(f.rgb) for f in source] == [0]
        assert [f.index for f in source.reversed_frames(0)] == [0]


@pytest.mark.parametrize("index", [-1, 20, 5000])
def test_a_frame_number_outside_is_one_line(index: int, open_numbered: OpenNumbered) -> None:
    with open_numbered() as source:
        with pytest.raises(VosError, match=f"no frame {index}"):
            source.frame(index)
        if index > 0:
            with pytest.raises(VosError, match="no frame"):
                list(source.reversed_frames(index))
