"""Results as videos at the source's own times: the overlay to look at, the matte to composite with."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.io.background import Background
from vos.io.captions import draw_captions
from vos.io.hdr import from_sdr
from vos.io.images import is_image
from vos.io.readers.base import FrameSource
from vos.io.render import backdrop, cutout, on_background, overlay, union_alpha
from vos.io.writers.audio import AudioCopy
from vos.io.writers.base import Writer
from vos.io.writers.encoder import Encoding, Picture, VideoEncoder
from vos.matting.foreground import decontaminated
from vos.structures import SegmentedFrame

# 4:2:0 plays everywhere; crf 18 is visually lossless; "superfast" leaves more of the processor to the tracker than
# "veryfast", for files of about the same size. Macroblock-tree rate control differs from run to run (x264's
# assembler code reads uninitialised memory), and we promise the same bytes for the same input.
H264 = Encoding("libx264", "yuv420p", {"crf": "18", "preset": "superfast", "x264-params": "mbtree=0"}, even=True)
VP9 = Encoding(
    "libvpx-vp9",
    "yuva420p",
    # Alternate reference frames do not work with alpha in libvpx.
    {"crf": "20", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0"},
    metadata={"alpha_mode": "1"},
)
# What HDR players expect. One thread per frame: the same bytes for the same input. No B-frames: with them x265 gives a
# video of one or two frames decoding times that it never computed, which MP4 refuses.
HEVC = Encoding(
    "libx265",
    "yuv420p10le",
    {"crf": "18", "preset": "superfast", "x265-params": "log-level=none:frame-threads=1:bframes=0"},
    even=True,
    codec_tag="hvc1",
)
PRORES = Encoding("prores_ks", "yuva444p10le", {"profile": "4444", "vendor": "apl0", "alpha_bits": "16"})


class VideoWriter(Writer):
    """Writes one picture per frame. Variable frame rates stay variable, in WebM and Matroska to the millisecond.

    The sound of a video file is copied, or transcoded where the container does not take it; it starts and ends with the
    frames written.

    Args:
        path: its suffix, one of ``encodings``, chooses container and codec.
        source: where the frames come from.

    Raises:
        VosError: another suffix.
    """

    encodings: ClassVar[Mapping[str, Encoding]]
    hdr_encodings: ClassVar[Mapping[str, Encoding]]

    def __init__(self, path: str | Path, source: FrameSource) -> None:
        super().__init__(path)
        encodings = self.encodings if source.hdr is None else self.hdr_encodings
        if self.path.suffix.lower() not in encodings:
            if source.hdr is not None:
                raise VosError(f"{self.path} holds no HDR; with hdr=keep a matte must be .mov: matte.format=mov")
            raise VosError(f"{self.path} must end in one of: {' '.join(encodings)}")
        self.encoding = encodings[self.path.suffix.lower()]
        self.source = source
        self._encoder: VideoEncoder | None = None
        self._audio: AudioCopy | None = None

    @abstractmethod
    def _picture(self, segmented: SegmentedFrame) -> Picture:
        """Makes the picture, (H, W, 3) RGB or (H, W, 4) RGBA with straight alpha, uint8 or as HDR uint16."""

    def _write(self, segmented: SegmentedFrame) -> None:
        frame = segmented.frame
        if self._encoder is None:
            encoder = VideoEncoder(self._temporary(self.path), self.encoding, self.source, frame.size)
            self._encoder = self._stack.enter_context(encoder)
            if len(self.source.files) == 1 and not is_image(file := self.source.files[0]):
                start = frame.time if frame.index > 0 else -math.inf  # of an excerpt
                self._audio = self._stack.enter_context(AudioCopy(str(file), encoder.container, start))
        self._encoder.write(self._picture(segmented), frame.time)
        self._last = frame
        if self._audio is not None:
            self._audio.feed(frame.time)

    def _finish(self) -> None:
        assert self._encoder is not None
        self._encoder.finish()
        if self._audio is not None:
            count, ends_early = self.source.count, self.source.ends_early
            is_last = count is not None and not ends_early and self.source.position(self._last.index) >= count - 1
            self._audio.feed(math.inf if is_last else self._last.time + 1 / self.source.fps)


class MatteWriter(VideoWriter):
    """Writes RGB and straight alpha, the union of all objects: ProRes 4444 (``.mov``) or VP9 with alpha (``.webm``).

    The colours are not multiplied by alpha, and nothing is blacked out.

    Args:
        path: of the file.
        source: where the frames come from.
        decontaminate: soft edges have the objects' colours, not the frame's own.
    """

    encodings: ClassVar = {".webm": VP9, ".mov": PRORES}
    hdr_encodings: ClassVar = {".mov": PRORES}

    def __init__(self, path: str | Path, source: FrameSource, decontaminate: bool = True) -> None:
        super().__init__(path, source)
        self.decontaminate = decontaminate

    def _picture(self, segmented: SegmentedFrame) -> Picture:
        frame, alpha = segmented.frame, union_alpha(segmented)
        if frame.hdr is None:
            return cutout(frame.rgb, alpha, self.decontaminate)
        colours = decontaminated(frame.hdr, alpha) if self.decontaminate else frame.hdr
        return np.asarray(np.dstack([colours, alpha * np.uint16(257)]), dtype=np.uint16)


class PlayedWriter(VideoWriter):
    """Writes what any player shows, as H.264, HDR as HEVC. Odd sizes grow by a repeated row or column."""

    encodings: ClassVar = {".mp4": H264, ".mov": H264, ".mkv": H264}
    hdr_encodings: ClassVar = {".mp4": HEVC, ".mov": HEVC, ".mkv": HEVC}


class OverlayWriter(PlayedWriter):
    """Writes the overlays, with the objects' given names."""

    def _picture(self, segmented: SegmentedFrame) -> Picture:
        frame, drawn = segmented.frame, overlay(segmented.frame.rgb, segmented.label_map)
        draw_captions(drawn, segmented)
        if frame.hdr is None or self.source.hdr is None:
            return drawn
        touched = (drawn != frame.rgb).any(axis=2)
        picture: npt.NDArray[np.uint16] = frame.hdr.copy()
        picture[touched] = from_sdr(drawn[touched], self.source.hdr)
        return picture


class CompositeWriter(PlayedWriter):
    """Writes the objects on another background.

    Colours are blended as they are coded, as editors do by default, not as light: where alpha was found in coded
    pictures, this gives back the frame on its own background.

    Args:
        path: of the file.
        source: where the frames come from.
        background: see :class:`vos.io.background.Background`.
        decontaminate: soft edges have the objects' colours, not the frame's own.
    """

    def __init__(self, path: str | Path, source: FrameSource, background: str, decontaminate: bool = True) -> None:
        super().__init__(path, source)
        self.decontaminate = decontaminate
        self._background = self._stack.enter_context(Background(background))

    def _picture(self, segmented: SegmentedFrame) -> Picture:
        frame, alpha = segmented.frame, union_alpha(segmented)
        behind = self._background.at(frame.time, frame.size, self.source.sample_aspect)
        if frame.hdr is None or self.source.hdr is None:
            rgb = decontaminated(frame.rgb, alpha) if self.decontaminate else frame.rgb
            return on_background(rgb, alpha, behind)
        colours = decontaminated(frame.hdr, alpha) if self.decontaminate else frame.hdr
        back = from_sdr(backdrop(frame.rgb, alpha, behind), self.source.hdr)
        share = alpha.astype(np.float32)[..., None] / 255
        return np.asarray((colours * share + back * (1 - share)).round(), np.uint16)
