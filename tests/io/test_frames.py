"""Reading: every frame, in order, upright, in the right colours, at its own time."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from video_formats import FORMATS

from vos.errors import VosError
from vos.io.frames import open_frames
from vos.io.readers import base as source_module


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_every_frame_at_its_time(name: str, make_clip: Any, number_of: Any) -> None:
    path = make_clip(name, **FORMATS[name])
    with open_frames(str(path)) as source:
        frames = list(source)
        assert [number_of(f.rgb) for f in frames] == list(range(20))
        assert [(f.index, f.name) for f in frames] == [(i, f"{i:05d}") for i in range(20)]
        assert source.size == FORMATS[name].get("size", (48, 64)) == frames[0].size
        assert source.count is not None
        assert abs(source.count - 20) <= 1
        assert source.fps == pytest.approx(10, rel=0.06)
        assert np.allclose(np.diff([f.time for f in frames]), 0.1, atol=0.0011)
        # Random access decodes the same frames bit for bit.
        for index in (19, 0, 7, 6, 13):
            assert np.array_equal(source.frame(index).rgb, frames[index].rgb)
        backwards = list(source.reversed_frames(11))
        assert [f.index for f in backwards] == list(range(11, -1, -1))
        assert all(np.array_equal(f.rgb, frames[f.index].rgb) and f.time == frames[f.index].time for f in backwards)


@pytest.mark.parametrize("name", ["h264.mp4", "bframes.mov", "mpeg4.avi"])
def test_decord_agrees_with_pyav(name: str, make_clip: Any) -> None:
    pytest.importorskip("decord")
    path = str(make_clip(name, count=40, **FORMATS[name]))
    expected = list(open_frames(path))
    with open_frames(path, reader="decord") as source:
        frames = list(source)
        assert [f.time for f in frames] == [f.time for f in expected]
        for index in (39, 3, 38, 20, 21, 0, 39):
            assert np.abs(source.frame(index).rgb.astype(int) - expected[index].rgb).mean() < 2, index
        for frame in source.reversed_frames(39):
            assert np.array_equal(frame.rgb, frames[frame.index].rgb)


def test_decord_refuses_files_in_which_it_would_give_other_frames(make_clip: Any) -> None:
    pytest.importorskip("decord")
    path = str(make_clip("open.mp4", **FORMATS["hevc_open_gop.mp4"]))
    with pytest.raises(VosError, match="reader=pyav"):
        open_frames(path, reader="decord")


def test_absent_decord_is_one_line(make_clip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "decord", None)
    with pytest.raises(VosError, match=r"needs the package decord \(the extra vos\[decord\]"):
        open_frames(str(make_clip("a.mp4", count=2)), reader="decord")


# (a, b, c, d) of the display matrix, and what it does to a picture
ORIENTATIONS: dict[str, tuple[tuple[int, int, int, int], Callable[[Any], Any]]] = {
    "90 clockwise, as phones hold it": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "180": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "90 counterclockwise": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "mirrored, as selfies": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda p: p[::-1]),
    "transposed": ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_rotation_and_flips_are_applied(name: str, make_clip: Any) -> None:
    path = make_clip("a.mp4", count=3, options={"crf": "5"})
    plain = next(iter(open_frames(str(path)))).rgb
    (a, b, c, d), turn = ORIENTATIONS[name]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the matrix of a version 0 track header
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    with open_frames(str(path)) as source:
        expected = turn(plain)
        assert source.size == expected.shape[:2]
        assert np.array_equal(next(iter(source)).rgb, expected)
    with pytest.raises(VosError, match=r"reader=pyav|the package decord"):  # decord returns broken pictures here
        open_frames(str(path), reader="decord")


def test_variable_frame_rate_keeps_its_times(make_clip: Any) -> None:
    times = [Fraction(n, 600) for n in (0, 20, 41, 61, 200, 201, 1000)]
    with open_frames(str(make_clip("vfr.mp4", count=7, times=times))) as source:
        assert [f.time for f in source] == [float(t) for t in times]
        assert [f.time for f in source.frames(4, 6)] == [float(t) for t in times[4:6]]


BT709, BT601, UNSTATED = 1, 6, 2
TV, PC = 1, 2


@pytest.mark.parametrize(
    ("matrix", "range_", "stated", "size"),
    [
        (BT709, TV, True, (64, 64)),
        (BT601, TV, True, (64, 64)),
        (BT709, PC, True, (64, 64)),
        (BT601, PC, True, (64, 64)),
        (BT601, TV, False, (64, 64)),  # not stated and small: BT.601
        (BT709, TV, False, (720, 1280)),  # not stated and HD: BT.709
    ],
)
def test_colours_follow_matrix_and_range(
    matrix: int, range_: int, stated: bool, size: tuple[int, int], tmp_path: Path
) -> None:
    colours = np.array([[200, 40, 30], [20, 180, 60], [30, 60, 220], [250, 250, 250], [5, 5, 5], [128, 128, 128]])
    picture = np.repeat(np.repeat(colours.astype(np.uint8)[None], size[0], 0), size[1] // 6 + 1, axis=1)[:, : size[1]]
    path = tmp_path / "colour.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv444p"
        stream.codec_context.colorspace = matrix if stated else UNSTATED
        stream.codec_context.color_range = range_
        frame: Any = av.VideoFrame.from_ndarray(picture, "rgb24")
        frame = frame.reformat(format="yuv444p", dst_colorspace=matrix, dst_color_range=range_)
        frame.colorspace = matrix if stated else UNSTATED
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    decoded = next(iter(open_frames(str(path)))).rgb
    assert np.abs(decoded.astype(int) - picture).max() <= 4


@pytest.mark.parametrize("limit", [1, 4, 64])
def test_reading_backwards_holds_a_bounded_number_of_frames(
    limit: int, make_clip: Any, number_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "REVERSE_FRAMES", limit)
    path = make_clip("long.mp4", count=120, size=(96, 128), options={"g": "250"})
    frame_bytes = 96 * 128 * 3
    with open_frames(str(path)) as source:
        tracemalloc.start()
        try:
            numbers = [number_of(f.rgb) for f in source.reversed_frames(119)]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert numbers == list(range(119, -1, -1))
    assert peak < (min(limit, 120) + 8) * frame_bytes + 500_000


def test_streaming_holds_one_frame(make_clip: Any) -> None:
    peaks = []
    for count in (20, 200):
        with open_frames(str(make_clip(f"{count}.mp4", count=count, size=(240, 320)))) as source:
            tracemalloc.start()
            try:
                assert sum(1 for _ in source) == count
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
    assert peaks[1] < peaks[0] + 240 * 320 * 3


def test_passes_do_not_disturb_each_other(make_clip: Any, number_of: Any) -> None:
    with open_frames(str(make_clip("a.mp4"))) as source:
        pairs = [(number_of(a.rgb), number_of(b.rgb)) for a, b in zip(source, source.reversed_frames(19))]
    assert pairs == [(i, 19 - i) for i in range(20)]


def test_one_frame(make_clip: Any, number_of: Any) -> None:
    with open_frames(str(make_clip("one.mp4", count=1))) as source:
        assert [number_of(f.rgb) for f in source] == [0]
        assert [f.index for f in source.reversed_frames(0)] == [0]


@pytest.mark.parametrize("index", [-1, 20, 5000])
def test_a_frame_number_outside_is_one_line(index: int, make_clip: Any) -> None:
    with open_frames(str(make_clip("a.mp4"))) as source:
        with pytest.raises(VosError, match=f"no frame {index}"):
            source.frame(index)
        if index > 0:
            with pytest.raises(VosError, match="no frame"):
                list(source.reversed_frames(index))
