"""Clips made by the tests themselves; each frame shows its own number, readable after lossy compression."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

BITS = 8

Rgb = npt.NDArray[np.uint8]


def numbered_picture(number: int, height: int, width: int) -> Rgb:
    """A gradient with the number's bits as white and black blocks along the top."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([80 + x * 60 // width, 90 + y * 60 // height, np.full_like(x, 120)], axis=-1).astype(np.uint8)
    for bit in range(BITS):
        columns = slice(width * bit // BITS, width * (bit + 1) // BITS)
        rgb[: height // 2, columns] = 235 if number >> bit & 1 else 20
    return rgb


def read_number(rgb: Rgb) -> int:
    """The number that :func:`numbered_picture` drew."""
    height, width = rgb.shape[:2]
    centres = [int(width * (bit + 0.5) / BITS) for bit in range(BITS)]
    return sum(int(rgb[height // 4, x].mean() > 128) << bit for bit, x in enumerate(centres))


def encode_clip(
    path: Path,
    pictures: Sequence[Rgb],
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    times: Sequence[Fraction] | None = None,
    time_base: Fraction = Fraction(1, 600),
    fps: int = 10,
    options: dict[str, str] | None = None,
    colour: tuple[int, int] | None = None,
    container_options: dict[str, str] | None = None,
    audio_seconds: float = 0,
    audio_codec: str = "aac",
) -> Path:
    """Encodes pictures uint8 (H, W, 3 or 4); ``colour`` is (AVCOL_SPC, AVCOL_RANGE); sound is a 440 Hz tone."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream: Any = container.add_stream(codec, rate=fps, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.time_base = stream.codec_context.time_base = time_base
        if colour is not None:
            stream.codec_context.colorspace, stream.codec_context.color_range = colour
        if audio_seconds:
            mux_tone(container, audio_codec, audio_seconds)
        for i, picture in enumerate(pictures):
            frame: Any = av.VideoFrame.from_ndarray(picture, "rgb24" if picture.shape[2] == 3 else "rgba")
            frame = frame.reformat(
                format=pixel_format,
                dst_colorspace=None if colour is None else colour[0],
                dst_color_range=None if colour is None else colour[1],
            )
            frame.time_base = time_base
            frame.pts = round((times[i] if times else Fraction(i, fps)) / time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def mux_tone(container: Any, codec: str, seconds: float, rate: int = 48_000) -> None:
    stream = container.add_stream(codec, rate=rate)
    coder = stream.codec_context
    coder.layout, coder.bit_rate = "mono", 64_000
    wave = np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate) * 0.2
    frame: Any = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    resampler = av.AudioResampler(coder.format, coder.layout, rate, frame_size=coder.frame_size or 1024)
    for piece in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))
