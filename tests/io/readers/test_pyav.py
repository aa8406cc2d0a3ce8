"""PyAV: every frame of every format, in order and at its own time; what is left of a damaged file."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from video_formats import FORMATS, REAL_CLIPS

from vos.errors import VosError
from vos.io.frames import open_frames


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


def test_variable_frame_rate_keeps_its_times(make_clip: Any) -> None:
    times = [Fraction(n, 600) for n in (0, 20, 41, 61, 200, 201, 1000)]
    with open_frames(str(make_clip("vfr.mp4", count=7, times=times))) as source:
        assert [f.time for f in source] == [float(t) for t in times]
        assert [f.time for f in source.frames(4, 6)] == [float(t) for t in times[4:6]]


def test_truncated_file_gives_what_decodes_and_one_warning(
    make_clip: Any, number_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_clip("cut.mp4", count=60, container_options={"movflags": "faststart"}, options={"g": "10"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    with open_frames(str(path)) as source, caplog.at_level(logging.WARNING):
        numbers = [number_of(f.rgb) for f in source]
        list(source)
    assert 10 < len(numbers) < 60
    assert numbers == list(range(len(numbers)))
    assert [r.getMessage().count(str(path)) for r in caplog.records] == [1]


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "animation.gif", "mpeg4.avi"])
def test_damaged_bytes_give_frames_or_one_line(name: str, make_clip: Any, tmp_path: Path) -> None:
    original = make_clip(name, count=8, size=(32, 48), **FORMATS[name]).read_bytes()
    target = tmp_path / f"damaged_{name}"

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def damage(data: st.DataObject) -> None:
        broken = bytearray(original)
        for position in data.draw(st.lists(st.integers(0, len(original) - 1), max_size=12)):
            broken[position] = data.draw(st.integers(0, 255))
        target.write_bytes(broken[: data.draw(st.integers(1, len(broken)))])
        try:
            with open_frames(str(target)) as source:
                for count, frame in enumerate(source):
                    assert frame.size == source.size
                    if count > 50:
                        break
                for frame in source.frames(2, 5):
                    assert frame.size == source.size
        except VosError as error:
            assert "\n" not in str(error)

    damage()


@pytest.mark.parametrize("name", REAL_CLIPS)
def test_real_clips_decode_completely_and_exactly(name: str, shared: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(shared / "clips" / name)
    count, size = REAL_CLIPS[name]
    with av.open(path) as container:
        stream = container.streams.best("video")
        stream.thread_type = "AUTO"
        times = [frame.time for frame in container.decode(stream)]
    assert len(times) == count
    picks = (1, count - 1)
    with open_frames(path) as source:
        assert (source.count, source.size) == (count, size)
        kept = {}
        for frame in source:
            assert frame.time == times[frame.index]
            assert frame.size == size
            if frame.index in picks:
                kept[frame.index] = frame.rgb
        assert frame.index == count - 1
        for index in picks[::-1]:
            assert np.array_equal(source.frame(index).rgb, kept[index])
    assert not caplog.records
