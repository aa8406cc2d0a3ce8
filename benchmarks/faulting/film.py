"""The scene as phones, cameras and editors record it: in HDR, interlaced, with transparency."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange

from faulting.clips import Clip
from faulting.scene import FRAMES, HEIGHT, WIDTH, boxes, picture

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]

WHITE = 203.0  # nits of SDR's white in HDR, ITU-R BT.2408
WHITE_AT, BLACK_AT = (slice(2, 14), slice(60, 90)), (slice(50, 62), slice(60, 90))  # patches beside the object
PRIMARIES = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # 709 to 2020
TRANSFERS = {"PQ": 16, "HLG": 18}  # as files have them
INTERLACED = {"top first": "tff=1", "bottom first": "bff=1"}
HDR_FILMS = {
    "hdr.mp4": Clip("libx265", "yuv420p10le", coder={"x265-params": "log-level=none:crf=8", "preset": "ultrafast"}),
    "hdr.mkv": Clip("ffv1", "yuv420p10le"),
}
ALPHA_FILMS = {
    "alpha.mov": Clip("qtrle", "argb"),
    "alpha-png.mov": Clip("png", "rgba"),
    "alpha-4444.mov": Clip("prores_ks", "yuva444p10le", coder={"profile": "4444"}),
    "alpha.mkv": Clip("ffv1", "yuva420p"),
    "alpha.webm": Clip("libvpx-vp9", "yuva420p", coder={"crf": "8", "b:v": "2M", "auto-alt-ref": "0"}),
}
FIELD_FILMS = {
    "fields.mkv": Clip("libx264", "yuv420p", coder={"preset": "ultrafast", "crf": "8"}),
    "fields.mp4": Clip("libx264", "yuv420p", coder={"preset": "ultrafast", "crf": "8"}),
    "fields.ts": Clip("libx264", "yuv420p", coder={"preset": "ultrafast", "crf": "8"}),
}


def graded(index: int) -> Picture:
    """A frame with a white and a black patch, uint8 (H, W, 3), sRGB."""
    image = picture(1, index)
    image[WHITE_AT], image[BLACK_AT] = 235, 20
    return image


def encoded_light(image: Picture, transfer: str) -> Floats:
    """SDR colours as the code values, 0..1, of BT.2100 PQ or HLG."""
    nits = WHITE * (image / 255.0) ** 2.4 @ PRIMARIES.T
    if transfer == "PQ":
        y = (nits / 10_000) ** 0.1593017578125
        return np.asarray(((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375)
    light = nits / 1000  # HLG on a display of 1,000 nits: system gamma 1.2
    luminance = np.maximum(light @ np.array([0.2627, 0.6780, 0.0593]), 1e-6)[..., None]
    e = light * luminance ** (1 / 1.2 - 1)
    high = 0.17883277 * np.log(np.maximum(12 * e - 0.28466892, 1e-6)) + 0.55991073
    return np.asarray(np.where(e <= 1 / 12, np.sqrt(3 * e), high))


def make_hdr(path: Path, transfer: str, film: Clip) -> None:
    """Writes the scene of one object in HDR, BT.2020, 10 bits."""
    with av.open(str(path), "w") as container:
        stream = _stream(container, film)
        stream.codec_context.color_primaries, stream.codec_context.color_trc = 9, TRANSFERS[transfer]
        stream.codec_context.colorspace, stream.codec_context.color_range = 9, 1
        for index in range(FRAMES):
            code = np.rint(encoded_light(graded(index), transfer).clip(0, 1) * 65_535).astype(np.uint16)
            frame = av.VideoFrame.from_ndarray(code, format="rgb48le").reformat(
                format=film.pixels, dst_colorspace=9, dst_color_range=ColorRange.MPEG
            )
            _mux(container, stream, frame, index)
        container.mux(stream.encode())


def make_fields(path: Path, order: str, film: Clip) -> None:
    """Writes the scene as interlaced video: the lower field is half a frame later, or earlier."""
    with av.open(str(path), "w") as container:
        stream = _stream(container, film, **{"x264-params": INTERLACED[order]})
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(woven(index, order), format="rgb24").reformat(format=film.pixels)
            _mux(container, stream, frame, index)
        container.mux(stream.encode())


def woven(index: int, order: str) -> Picture:
    """Two fields in one frame; the object moves by four pixels between them."""
    first, second = plain(index, 0), plain(index, 4)
    if order == "bottom first":
        first, second = second, first
    first[1::2] = second[1::2]
    return first


def plain(index: int, shift: int) -> Picture:
    """The scene's object, without stripes and over plain ground."""
    image = np.full((HEIGHT, WIDTH, 3), (80, 90, 85), np.uint8)
    top, left, bottom, right = boxes(1, index)[0]
    image[top:bottom, left + shift : right + shift] = (230, 60, 30)
    return image


def transparent(index: int) -> Picture:
    """The scene with transparency, uint8 (H, W, 4): noise is hidden where nothing should be seen."""
    image = picture(1, index)
    noise = np.random.default_rng(index).integers(0, 256, image.shape, np.uint8)
    hidden = np.zeros((HEIGHT, WIDTH), bool)
    hidden[:, 60:] = True
    colours = np.where(hidden[..., None], noise, image)
    return np.concatenate([colours, np.where(hidden, 0, 255)[..., None].astype(np.uint8)], axis=2)


def make_alpha(path: Path, film: Clip) -> None:
    """Writes :func:`transparent` as a video."""
    with av.open(str(path), "w") as container:
        stream = _stream(container, film)
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(transparent(index), format="rgba").reformat(format=film.pixels)
            _mux(container, stream, frame, index)
        container.mux(stream.encode())


def frames_of(path: Path) -> Iterator[Picture]:
    """The frames of a video, uint8 (H, W, 3)."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def _stream(container: av.container.OutputContainer, film: Clip, **options: str) -> Any:
    stream: Any = container.add_stream(film.codec, rate=10, options=film.coder | options)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, film.pixels
    return stream


def _mux(container: av.container.OutputContainer, stream: Any, frame: Any, index: int) -> None:
    frame.pts, frame.time_base = index, Fraction(1, 10)
    container.mux(stream.encode(frame))
