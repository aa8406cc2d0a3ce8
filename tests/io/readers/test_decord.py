"""decord: the same frames as PyAV's, or a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from video_formats import FORMATS, REAL_CLIPS

from vos.errors import VosError
from vos.io.frames import open_frames

CANNOT = {"torchcodec_av1_video.mkv", "torchcodec_h265_video.mp4"}  # no decoder; its seeks miss


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
    with pytest.raises(VosError, match=r"pip install 'vos\[decord\]'"):
        open_frames(str(make_clip("a.mp4", count=2)), reader="decord")


@pytest.mark.parametrize("name", REAL_CLIPS)
def test_real_clips_are_read_as_pyav_reads_them_or_refused(name: str, shared: Path) -> None:
    pytest.importorskip("decord")
    path, (count, _) = str(shared / "clips" / name), REAL_CLIPS[name]
    if name in CANNOT:
        with pytest.raises(VosError, match="reader=pyav"):
            open_frames(path, reader="decord")
        return
    with open_frames(path, reader="decord") as source, open_frames(path) as expected:
        assert source.count == count
        for index in (count - 1, 1):
            frame, same = source.frame(index), expected.frame(index)
            assert frame.time == same.time
            tolerance = 4 if "10bits" in name else 0.5  # decord converts 10 bit more coarsely
            assert np.abs(frame.rgb.astype(int) - same.rgb).mean() < tolerance
