"""Encoding pictures with their own times into a video file, with PyAV."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange

from vos.errors import VosError
from vos.io.readers.base import FrameSource
from vos.io.readers.decoder import local, reason
from vos.io.readers.picture import matrix_of
from vos.io.writers.audio import MUXER

if TYPE_CHECKING:
    from typing_extensions import Self

# Pictures of odd width come out of swscale's slice threads with wrong rows; before PyAV 17 there were none to turn off.
ONE_THREAD = {"threads": 1} if int(av.__version__.split(".")[0]) >= 17 else {}
# The header of a ProRes frame knows fewer names: those for the same matrix, and for the same curve.
PRORES_NAMES = {"colorspace": {5: 6}, "color_trc": {6: 1, 14: 1, 15: 1}}
RGB_FORMATS = {(3, 1): "rgb24", (4, 1): "rgba", (3, 2): "rgb48le", (4, 2): "rgba64le"}  # by channels and their bytes

Picture: TypeAlias = "npt.NDArray[np.uint8] | npt.NDArray[np.uint16]"


@dataclass(frozen=True)
class Encoding:
    """Says how a video is compressed.

    Attributes:
        codec: FFmpeg's encoder.
        pixel_format: what the encoder takes, e.g. "yuv420p".
        options: the encoder's options.
        even: whether width and height must be even (4:2:0 H.264): the last column and row are then repeated.
        metadata: tags of the stream.
        codec_tag: the container's name of the codec; None = its usual one.
    """

    codec: str
    pixel_format: str
    options: dict[str, str] = field(default_factory=dict)
    even: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    codec_tag: str | None = None


class VideoEncoder:
    """Writes one video file, whose picture stream is in limited range and the source's colour space, and says so.

    Args:
        path: file to write; its suffix chooses the container.
        encoding: how.
        source: where the frames come from; their times are multiples of its time base.
        size: (H, W) of the pictures.
    """

    def __init__(self, path: Path, encoding: Encoding, source: FrameSource, size: tuple[int, int]) -> None:
        self.encoding = encoding
        self.time_base = source.time_base
        self.container = av.open(local(path), "w", options=MUXER)
        self._last_pts: int | None = None
        try:
            stream: Any = self.container.add_stream(
                encoding.codec, rate=Fraction(source.fps).limit_denominator(100_000)
            )
        except BaseException:
            self.container.close()
            raise
        self._stream = stream
        stream.options = dict(encoding.options)
        stream.pix_fmt = encoding.pixel_format
        stream.height, stream.width = (n + n % 2 if encoding.even else n for n in size)
        stream.time_base = stream.codec_context.time_base = source.time_base
        stream.codec_context.sample_aspect_ratio = source.sample_aspect
        space = source.colour_space
        self._matrix = matrix_of(space.matrix, *size)
        self._tags = {"colorspace": space.matrix, "color_primaries": space.primaries, "color_trc": space.transfer}
        self._tags["color_range"] = ColorRange.MPEG.value
        for name, value in self._tags.items():
            setattr(stream.codec_context, name, value)
        if encoding.codec == "prores_ks":
            self._tags = {name: PRORES_NAMES.get(name, {}).get(value, value) for name, value in self._tags.items()}
        if encoding.codec_tag is not None:
            stream.codec_context.codec_tag = encoding.codec_tag
        stream.metadata.update(encoding.metadata)

    def write(self, image: Picture, time: float) -> None:
        """Encodes a picture that is shown from ``time`` seconds.

        Args:
            image: (H, W, 3) RGB or (H, W, 4) RGBA with straight alpha; uint8, or uint16 code values of HDR.
            time: in seconds.
        """
        pts = round(time / self.time_base)
        if self._last_pts is not None:
            pts = max(pts, self._last_pts + 1)  # containers cannot show two frames at once
        self._last_pts = pts
        pad_y, pad_x = self._stream.height - image.shape[0], self._stream.width - image.shape[1]
        picture: Any = image
        if pad_y or pad_x:
            picture = cv2.copyMakeBorder(image, 0, pad_y, 0, pad_x, cv2.BORDER_REPLICATE)
        layout = RGB_FORMATS[picture.shape[2], picture.itemsize]
        frame: Any = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), layout)
        frame = frame.reformat(
            format=self.encoding.pixel_format,
            dst_colorspace=self._matrix,
            dst_color_range=ColorRange.MPEG,
            **ONE_THREAD,
        )
        for name, value in self._tags.items():  # ProRes puts them into each frame's header
            with suppress(AttributeError):  # older PyAV
                setattr(frame, name, value)
        frame.pts, frame.time_base = pts, self.time_base
        self._mux(frame)

    def finish(self) -> None:
        """Encodes what the codec still holds back."""
        self._mux(None)

    def _mux(self, frame: Any) -> None:
        try:
            self.container.mux(self._stream.encode(frame))
        except OSError:  # the disk: told by the caller
            raise
        except av.FFmpegError as error:
            size = f"{self._stream.height}x{self._stream.width}"
            raise VosError(f"{self.encoding.codec} cannot encode {size} ({reason(error)})") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.container.close()
