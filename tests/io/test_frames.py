"""The door for every input: what is opened, and what is refused in one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from segmentations import write_all

from vos.errors import VosError
from vos.io.frames import open_frames
from vos.io.writers import OverlayWriter


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


@pytest.mark.parametrize("name", ["", " "])
def test_no_name_is_not_the_folder_that_one_is_in(name: str) -> None:
    with pytest.raises(VosError, match="name of the video is empty"):
        open_frames(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", Path(os.devnull)):
        with pytest.raises(VosError, match="is a pipe or a device"):
            open_frames(str(path))


@pytest.mark.skipif(os.name == "nt", reason="no colons in names")
@pytest.mark.parametrize("name", ["2024-01-01T12:30:05.mp4", "http:x.mp4", "file:x.mp4"])
def test_a_colon_in_a_name_is_no_protocol(name: str, make_clip: Any, tmp_path: Path, number_of: Any) -> None:
    make_clip("plain.mp4", audio_seconds=2.0).rename(tmp_path / name)
    with open_frames(str(tmp_path / name)) as source:
        assert [number_of(f.rgb) for f in source.frames(5)] == list(range(5, 20))
        write_all(OverlayWriter(tmp_path / "run:1" / name, source), source)
    with open_frames(str(tmp_path / "run:1" / name)) as result:
        assert len(list(result)) == 20


def test_a_colon_in_a_relative_name(make_clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_clip("plain.mp4").rename(tmp_path / "a:b.mp4")
    monkeypatch.chdir(tmp_path)
    with open_frames("a:b.mp4") as source:
        assert len(list(source)) == 20
