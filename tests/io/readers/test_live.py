"""Cameras and streams: read once, as they come."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from vos.errors import VosError
from vos.io.frames import open_frames
from vos.io.readers.live import camera_address


def test_no_camera_is_one_line() -> None:
    with pytest.raises(VosError, match="no camera there"):
        open_frames("camera:97")
    assert camera_address("camera:1", "linux") == ("/dev/video1", "v4l2", {})
    assert camera_address("camera:1", "darwin")[:2] == ("1:none", "avfoundation")
    assert camera_address("camera:Cam", "win32")[:2] == ("video=Cam", "dshow")


def test_stream_url_is_read_once_from_the_start(make_clip: Any, number_of: Any) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

    path = make_clip("live.mkv")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(path.parent)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with open_frames(f"http://127.0.0.1:{server.server_port}/live.mkv") as source:
            assert source.is_live
            assert source.count is None
            assert [number_of(f.rgb) for f in source] == list(range(20))
            with pytest.raises(VosError, match="is live"):
                source.frame(3)
        with pytest.raises(VosError, match=r"gone\.mkv"):
            open_frames(f"http://127.0.0.1:{server.server_port}/gone.mkv")
    finally:
        server.shutdown()
        server.server_close()
