"""Cameras and network streams: one pass, no end known."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

from vos.errors import VosError
from vos.io.readers.base import FrameSource
from vos.io.readers.decoder import VideoDecoder, reason
from vos.io.readers.picture import (
    STANDARD,
    Conversion,
    UprightRgb,
    colour_space_of,
    deinterlaced,
    notes_of,
    transfer_of,
)
from vos.io.readers.promise import damage_of
from vos.structures import Frame

TIMEOUT = 10.0  # seconds to wait for the network
LIVE_FPS = 30  # asked of cameras that must be told a rate


def is_live_address(source: str) -> bool:
    """Tells whether ``source`` is ``camera:...`` or a URL."""
    return source.startswith("camera:") or re.match(r"[a-z][a-z0-9+.-]+://", source, re.IGNORECASE) is not None


class LiveSource(FrameSource):
    """Reads a camera (``camera:0``) or a stream URL (rtsp, http, udp, ...) once, from the start.

    ``Frame.time`` counts from the first frame. On Linux ``camera:N`` is ``/dev/videoN``; on Windows a camera
    can also be named: ``camera:Integrated Camera``.

    Raises:
        VosError: no such camera or stream, or it delivers no frame.
    """

    is_live = True

    def __init__(self, source: str, conversion: Conversion = STANDARD) -> None:
        self.path = source
        self.count = None
        if source.startswith("camera:"):
            self._decoder = _open_camera(source)
        else:
            self._decoder = VideoDecoder(source, source, threads="SLICE", timeout=TIMEOUT)
        self.time_base = self._decoder.stream.time_base or Fraction(1, 90_000)
        try:
            self._decoded = self._decoder.decode()
            first = next(self._decoded, None)
            if first is None:
                raise VosError(f"{source} delivers no frames")
            self.notes = notes_of(first, conversion)
            self.hdr = transfer_of(first) if conversion.hdr == "keep" else None
            self.colour_space = colour_space_of(first, self._decoder.stream.codec_context, conversion)
            self._upright = UprightRgb(source, self.hdr is not None)
            self.size = self._upright(first)[0].shape[:2]
            self._decoded = chain([first], self._decoded)
            if first.interlaced_frame and conversion.deinterlace == "auto":
                self._decoded = deinterlaced(self._decoded, self.time_base)
        except BaseException:
            self.close()
            raise
        self.fps = self._decoder.rate
        self._started = False

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """See :meth:`FrameSource.frames`; only one pass from frame 0."""
        if start != 0 or self._started:
            raise VosError(f"{self.path} is live: it can be read once, from the start; record it to a file first")
        self._started = True
        first_pts, index = None, -1
        for index, decoded in enumerate(self._decoded):
            if index == stop:
                return
            if decoded.pts is not None and first_pts is None:
                first_pts = decoded.pts
            time = index / self.fps if decoded.pts is None else float((decoded.pts - first_pts) * self.time_base)
            yield Frame(index, f"{index:05d}", time, *self._upright(decoded))
        self.tell_damage(damage_of(self._decoder, None), index + 1)

    def close(self) -> None:
        """Releases the camera or the connection."""
        self._decoder.close()


def camera_address(source: str, platform: str = sys.platform) -> tuple[str, str, dict[str, str]]:
    """Gives FFmpeg's (address, input format, options) for a camera on an operating system."""
    name = source.removeprefix("camera:") or "0"
    if platform == "darwin":
        return f"{name}:none", "avfoundation", {"framerate": str(LIVE_FPS)}
    if platform == "win32":
        return (name, "vfwcap", {}) if name.isdigit() else (f"video={name}", "dshow", {})
    return f"/dev/video{name}" if name.isdigit() else name, "v4l2", {}


def _open_camera(source: str) -> VideoDecoder:
    address, format, options = camera_address(source)
    try:
        return VideoDecoder(address, source, threads="SLICE", format=format, options=options)
    except VosError as error:
        cause = reason(error.__cause__ or error)
        text = f"{source}: no camera there ({address}: {cause}); plug one in or choose another number"
        raise VosError(text) from error
