"""The door for every input: what is opened, and what is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vos.errors import VosError
from vos.io.frames import open_frames


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
