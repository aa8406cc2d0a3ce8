"""The index of a file's frames, by which they are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from video_formats import FORMATS

from vos.io.readers.frame_index import index_frames


@pytest.mark.parametrize("name", ["bframes.mov", "vp8.webm", "transport.ts", "hevc_open_gop.mp4"])
def test_every_frame_is_listed_once(name: str, make_clip: Any) -> None:
    index = index_frames(str(make_clip(name, **FORMATS[name])))
    assert index is not None
    assert len(index.pts) == 20
    assert (np.diff(index.pts) > 0).all()
    assert [index.position(int(pts)) for pts in index.pts] == list(range(20))
    assert index.position(int(index.pts[3]) + 1) is None
    assert index.position(None) is None
    assert index.missing == 0


def test_decoding_begins_at_the_key_frame_before(make_clip: Any) -> None:
    index = index_frames(str(make_clip("a.mkv", options={"g": "5", "bf": "0"})))
    assert index is not None
    assert [index.position(pts) for pts, _ in index.keys] == [0, 5, 10, 15]
    targets = index.seek_targets(12)
    assert targets == [int(index.pts[k]) for k in (10, 5, 0)]


def test_frames_that_times_cannot_tell_apart_have_no_index(make_clip: Any) -> None:
    assert index_frames(str(make_clip("reordered.avi", options={"bf": "2"}, **FORMATS["h264.avi"]))) is None
