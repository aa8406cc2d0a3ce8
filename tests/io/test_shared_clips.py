"""Real clips with odd properties: counts, times and random access against PyAV's own plain decoding."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from vos.errors import VosError
from vos.io.frames import open_frames

FRAMES = {  # (frames, (H, W)), from the folder's README
    "sam2_01_dog.mp4": (289, (720, 1280)),
    "sam2_05_default_juggle.mp4": (247, (720, 1280)),
    "sam2_bedroom.mp4": (200, (540, 960)),
    "track_anything_test-sample2.mp4": (149, (320, 568)),
    "torchcodec_h264_10bits.mp4": (30, (200, 200)),
    "torchcodec_h265_video.mp4": (10, (128, 128)),
    "torchcodec_av1_video.mkv": (125, (360, 640)),
    "torchcodec_bt709_full_range.mp4": (30, (720, 1280)),
    "torchcodec_nasa_13013.mp4": (390, (270, 480)),
    "seggpt_video_1.mp4": (8, (512, 512)),
    "seggpt_video_3.mp4": (66, (480, 854)),
    "xmem2_chair.mp4": (60, (480, 720)),
}
DECORD_CANNOT = {"torchcodec_av1_video.mkv", "torchcodec_h265_video.mp4"}  # no decoder; its seeks miss


@pytest.mark.parametrize("name", FRAMES)
def test_clip_decodes_completely_and_exactly(name: str, shared: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(shared / "clips" / name)
    count, size = FRAMES[name]
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
    pytest.importorskip("decord")
    if name in DECORD_CANNOT:
        with pytest.raises(VosError, match="reader=pyav"):
            open_frames(path, reader="decord")
        return
    with open_frames(path, reader="decord") as source:
        assert source.count == count
        for index in picks[::-1]:
            frame = source.frame(index)
            assert frame.time == times[index]
            tolerance = 4 if "10bits" in name else 0.5  # decord converts 10 bit more coarsely
            assert np.abs(frame.rgb.astype(int) - kept[index]).mean() < tolerance
