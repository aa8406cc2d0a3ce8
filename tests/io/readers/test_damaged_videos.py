"""Videos that are cut off, broken or none at all: what can be read, or one clear line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from video_formats import FORMATS

from vos.errors import VosError
from vos.io.frames import open_frames


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


def test_whole_files_give_no_warning(make_clip: Any, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("h264.mp4", "bframes.mov", "h264.mkv", "vp9.webm", "animation.gif"):
        list(open_frames(str(make_clip(name, **FORMATS[name]))))
    assert not caplog.records


def _mp4_without_index(clip: Path) -> bytes:
    data = clip.read_bytes()
    return data[: data.index(b"moov") - 4]


BAD_FILES: dict[str, tuple[str, Callable[[Path], bytes]]] = {
    "empty": ("empty.mp4", lambda clip: b""),
    "text": ("notes.txt", lambda clip: b"not a video\n" * 100),
    "text called mp4": ("notes.mp4", lambda clip: b"not a video\n" * 100),
    "noise": ("noise.mp4", lambda clip: np.random.default_rng(0).bytes(50_000)),
    "cut before the index": ("cut.mp4", _mp4_without_index),
    "huge": ("huge.y4m", lambda clip: b"YUV4MPEG2 W60000 H60000 F25:1 C420\nFRAME\n" + bytes(1000)),
    "zero frames": ("zero.y4m", lambda clip: b"YUV4MPEG2 W64 H48 F25:1 C420\n"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("reader", ["pyav", "decord"])
def test_bad_files_are_one_line(kind: str, reader: str, tmp_path: Path, make_clip: Any) -> None:
    pytest.importorskip(reader if reader == "decord" else "av")
    name, content = BAD_FILES[kind]
    (tmp_path / name).write_bytes(content(make_clip("good.mp4", count=3)))
    with pytest.raises(VosError) as caught:
        open_frames(str(tmp_path / name), reader=reader)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sound_without_pictures_is_one_line(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mka"), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(VosError, match="holds no video"):
        open_frames(str(tmp_path / "sound.mka"))


def test_missing_file_and_unknown_reader(tmp_path: Path) -> None:
    with pytest.raises(VosError, match="does not exist"):
        open_frames(str(tmp_path / "nothing.mp4"))
    with pytest.raises(VosError, match="pyav, decord"):
        open_frames(str(tmp_path / "nothing.mp4"), reader="opencv")


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
