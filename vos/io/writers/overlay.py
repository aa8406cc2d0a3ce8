"""The overlay video: tinted objects, the source's frame times and sound."""

from __future__ import annotations

import math
from pathlib import Path

from vos.errors import VosError
from vos.io.readers.base import FrameSource
from vos.io.render import overlay
from vos.io.writers.audio import AudioCopy
from vos.io.writers.base import Writer
from vos.io.writers.encoder import Clock, Encoding, VideoEncoder
from vos.structures import SegmentedFrame

# 4:2:0 plays everywhere; crf 18 is visually lossless; "superfast" leaves more of the processor to the tracker than
# "veryfast", for files of about the same size. Macroblock-tree rate control differs from run to run (x264's
# assembler code reads uninitialised memory), and we promise the same bytes for the same input.
H264 = Encoding("libx264", "yuv420p", {"crf": "18", "preset": "superfast", "x264-params": "mbtree=0"}, even=True)
OVERLAY_SUFFIXES = (".mp4", ".mov", ".mkv")


class OverlayWriter(Writer):
    """Writes an H.264 video of the overlays. Odd sizes grow by a repeated row or column.

    Frame times are the source's own (variable frame rates stay variable). The sound of a video file is copied,
    or transcoded to AAC where the container does not take it; it starts and ends with the frames written.

    Args:
        path: ``.mp4``, ``.mov`` or ``.mkv``.
        source: where the frames come from.
        alpha: strength of the tint, 0..1.

    Raises:
        VosError: another suffix.
    """

    def __init__(self, path: str | Path, source: FrameSource, alpha: float = 0.5) -> None:
        super().__init__(path)
        if self.path.suffix.lower() not in OVERLAY_SUFFIXES:
            raise VosError(f"overlay {self.path} must end in one of: {' '.join(OVERLAY_SUFFIXES)}")
        self.source = source
        self.alpha = alpha
        self._encoder: VideoEncoder | None = None
        self._audio: AudioCopy | None = None

    def _write(self, segmented: SegmentedFrame) -> None:
        frame = segmented.frame
        if self._encoder is None:
            encoder = VideoEncoder(self._temporary(self.path), H264, Clock.of(self.source), frame.size)
            self._encoder = self._stack.enter_context(encoder)
            if not self.source.is_live and Path(self.source.path).is_file():
                start = frame.time if frame.index > 0 else -math.inf
                self._audio = self._stack.enter_context(AudioCopy(self.source.path, encoder.container, start))
        self._encoder.write(overlay(frame.rgb, segmented.label_map, self.alpha), frame.time)
        if self._audio is not None:
            self._audio.feed(frame.time)
        self._last = frame

    def _finish(self) -> None:
        assert self._encoder is not None
        self._encoder.finish()
        if self._audio is not None:
            is_last = self.source.count is not None and self._last.index >= self.source.count - 1
            self._audio.feed(math.inf if is_last else self._last.time + 1 / self.source.fps)
