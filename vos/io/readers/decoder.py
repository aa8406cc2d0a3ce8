"""One pass over the video stream of a container with PyAV: what comes, and what is wrong with it."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from vos.errors import VosError
from vos.io.images import MAX_PIXELS

if TYPE_CHECKING:
    from typing_extensions import Self

AV_ERRORS = (av.FFmpegError, ValueError, IndexError, OSError, MemoryError)  # what PyAV raises on bad input
DEFAULT_FPS = 25.0  # where a container states no rate
TEXT_FORMATS = frozenset({"tty"})  # FFmpeg "plays" text files as terminal screens


def local(path: str | Path) -> str:
    """Names a file so that FFmpeg takes no colon in it for a protocol."""
    return f"file:{path}"


class VideoDecoder:
    """Opens a container and decodes its best video stream (as FFmpeg picks it) once; a context manager.

    Args:
        address: file path or URL for FFmpeg.
        shown_as: what the user typed, for messages.
        threads: "AUTO" decodes frames in parallel; "SLICE" adds no delay (live input).
        format: FFmpeg input format, None to probe.
        options: FFmpeg input options.
        timeout: seconds to wait for a network source, None = for ever.

    Attributes:
        container: the PyAV input container.
        stream: its video stream.
        damaged: packets that did not decode so far, and frames that the decoder calls corrupt.
        packets, corrupt_packets: packets read so far, and those of them that the demuxer calls corrupt.
        frames, interlaced: frames decoded so far, and those of them that are two fields.
        packet_pts, frame_pts: presentation times so far, int64, in units of the stream's time base.
        last_dts, end: the largest decoding time and the largest end of a packet so far.
        first_key: presentation time of the first key frame's packet.
        breaks_off: reading ended with an error, as where a connection ends before its Content-Length.

    Raises:
        VosError: not readable, no video stream, or frames too large.
    """

    def __init__(
        self,
        address: str,
        shown_as: str,
        *,
        threads: str = "AUTO",
        format: str | None = None,
        options: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> None:
        self.shown_as = shown_as
        try:
            self.container = av.open(address, "r", format=format, options=options or {}, timeout=timeout)
        except AV_ERRORS as error:
            raise VosError(f"{shown_as} cannot be read as a video ({reason(error)}); is it complete?") from error
        try:
            self.stream = self._video_stream()
            self.stream.thread_type = threads
            self.codec = self._alpha_codec() or self.stream.codec_context
        except BaseException:
            self.container.close()
            raise
        self.damaged = self.packets = self.corrupt_packets = self.frames = self.interlaced = 0
        self.packet_pts, self.frame_pts = array("q"), array("q")
        self.last_dts = self.end = -1
        self.first_key: int | None = None
        self.breaks_off = False
        # AVI stores no presentation times, and FFmpeg's guess for reordered frames is wrong: the n-th frame shown
        # takes the time of the n-th packet.
        self.times_by_order = self.container.format.name == "avi"
        self._packet_times: deque[int | None] = deque()

    def _video_stream(self) -> Any:
        stream = self.container.streams.best("video")
        is_cover = "attached_pic" in str(getattr(stream, "disposition", ""))  # the picture of a song
        if stream is None or self.container.format.name in TEXT_FORMATS or is_cover:
            raise VosError(f"{self.shown_as} holds no video (its format is {self.container.format.name})")
        if stream.codec_context is None:
            raise VosError(f"{self.shown_as}: this build of PyAV has no decoder for its video; convert it to H.264")
        coded: Any = stream.codec_context
        height, width = coded.height, coded.width
        if height * width > MAX_PIXELS:
            raise VosError(f"{self.shown_as} is {height}x{width}; at most {MAX_PIXELS} pixels are read: scale it down")
        return stream

    def _alpha_codec(self) -> Any:
        """Makes libvpx's decoder for WebM with transparency, which lies in a side block that only libvpx reads."""
        name = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(self.stream.codec_context.name)
        tags = {key.lower(): value for key, value in self.stream.metadata.items()}
        if name is None or tags.get("alpha_mode") != "1":
            return None
        try:
            return av.CodecContext.create(name, "r")
        except AV_ERRORS:
            return None  # a build without it: opaque

    @property
    def rate(self) -> float:
        """Average frames per second, DEFAULT_FPS where the container states none."""
        return float(self.stream.average_rate or self.stream.guessed_rate or DEFAULT_FPS)

    def demux(self) -> Iterator[Any]:
        """Yields the video's ``av.Packet``; ends early, and notes it, where the container is truncated."""
        try:
            for packet in self.container.demux(self.stream):
                if packet.size == 0:  # the end, or a picture that is repeated
                    continue
                self.packets += 1
                self.corrupt_packets += packet.is_corrupt
                self.last_dts = max(self.last_dts, -1 if packet.dts is None else packet.dts)
                if packet.pts is not None and self.shows(packet):
                    self.packet_pts.append(packet.pts)
                    if self.first_key is None and packet.is_keyframe:
                        self.first_key = packet.pts
                    self.end = max(self.end, packet.pts + (packet.duration or 0))
                yield packet
        except AV_ERRORS:  # what was read so far stands
            self.breaks_off = True

    def shows(self, packet: Any) -> bool:
        """Tells whether a packet is meant to be seen: edit lists cut some away, and VP8 has pictures for reference."""
        return not (packet.is_discard or (self.stream.codec_context.name == "vp8" and not memoryview(packet)[0] & 0x10))

    def decode(self) -> Iterator[Any]:
        """Yields ``av.VideoFrame`` in presentation order; packets that do not decode are counted and skipped."""
        for packet in chain(self.demux(), (None,)):
            if packet is not None:
                self._packet_times.append(packet.dts)
            try:
                for frame in self.codec.decode(packet):
                    time = self._packet_times.popleft() if self._packet_times else None
                    if self.times_by_order:
                        frame.pts = time
                    if frame.pts is not None:
                        self.frame_pts.append(frame.pts)
                    self.frames += 1
                    self.interlaced += frame.interlaced_frame
                    self.damaged += frame.is_corrupt
                    yield frame
            except EOFError:
                return
            except AV_ERRORS:
                self.damaged += 1

    def close(self) -> None:
        """Closes the container."""
        self.container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def reason(error: BaseException) -> str:
    """Tells the cause of an exception of PyAV or the system in a few words."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]
