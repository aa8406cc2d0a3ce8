"""The scene as a video in every container that people hand over, with and without sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.resampler import AudioResampler

from faulting.scene import FRAMES, HEIGHT, WIDTH, picture

RATE, HERTZ = 10, 44_100  # frames and samples per second


@dataclass(frozen=True)
class Clip:
    """How a clip is made.

    Attributes:
        codec, pixels: of the picture.
        sound: codec of the sound, or None.
        options: of the muxer.
        coder: options of the encoder, besides those of its kind.
        times: of the frames, in frames; None = one after the other.
        sound_seconds: length of the sound; None = the picture's.
        layout: channels of the sound.
        promises: whether the file says how much there is of it, so that a cut can be noticed. A stream that was made
            to be cut anywhere (MPEG-TS, MPEG-PS, a live recording) does not.
    """

    codec: str = "libx264"
    pixels: str = "yuv420p"
    sound: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    coder: dict[str, str] = field(default_factory=dict)
    times: tuple[int, ...] | None = None
    sound_seconds: float | None = None
    layout: str = "mono"
    promises: bool = True


CLIPS = {
    "h264.mp4": Clip(),
    "h264.mov": Clip(),
    "h264.mkv": Clip(),
    "h264.avi": Clip(),
    "h264.flv": Clip(),
    "h264.ts": Clip(promises=False),
    "fast.mp4": Clip(options={"movflags": "faststart"}),
    "fragments.mp4": Clip(options={"movflags": "frag_keyframe+empty_moov"}, promises=False),
    "hevc.mp4": Clip("libx265"),
    "mpeg4.mp4": Clip("mpeg4"),
    "mpeg4.avi": Clip("mpeg4"),
    "mpeg4.3gp": Clip("mpeg4"),
    "mjpeg.avi": Clip("mjpeg", "yuvj420p"),
    "mjpeg.mov": Clip("mjpeg", "yuvj420p"),
    "raw.avi": Clip("rawvideo", "bgr24"),
    "prores.mov": Clip("prores_ks", "yuv422p10le"),
    "qtrle.mov": Clip("qtrle", "rgb24"),
    "ffv1.mkv": Clip("ffv1"),
    "vp8.webm": Clip("libvpx"),
    "vp9.webm": Clip("libvpx-vp9"),
    "live.webm": Clip("libvpx", options={"live": "1"}, promises=False),
    "mpeg2.ts": Clip("mpeg2video", promises=False),
    "mpeg1.mpg": Clip("mpeg1video", promises=False),
    "mpeg2.vob": Clip("mpeg2video", promises=False),
    "mpeg2.mxf": Clip("mpeg2video"),
    "wmv2.wmv": Clip("wmv2"),
    "anim.gif": Clip("gif", "rgb8"),
    "anim.apng": Clip("apng", "rgb24", options={"plays": "0"}),
    "raw.y4m": Clip("rawvideo", promises=False),
    "aac.mp4": Clip(sound="aac"),
    "pcm.mov": Clip(sound="pcm_s16le"),
    "mp3.avi": Clip("mpeg4", sound="libmp3lame"),
    "u8.avi": Clip("mpeg4", sound="pcm_u8"),
    "adpcm.avi": Clip("mpeg4", sound="adpcm_ms"),
    "opus.webm": Clip("libvpx", sound="libopus"),
    "opus.mkv": Clip(sound="libopus"),
    "flac.mkv": Clip(sound="flac"),
    "aac.ts": Clip(sound="aac", promises=False),
    "mp2.mpg": Clip("mpeg1video", sound="mp2", promises=False),
    "wma.wmv": Clip("wmv2", sound="wmav2"),
    "mp3.flv": Clip(sound="libmp3lame"),
    "ac3.mkv": Clip(sound="ac3"),
    "surround.mkv": Clip(sound="aac", layout="5.1"),
    "surround.ts": Clip(sound="aac", layout="5.1", promises=False),
    "stereo.wmv": Clip("wmv2", sound="wmav2", layout="stereo"),
    "bframes.mp4": Clip(coder={"bf": "2"}),  # its edit list begins after the first time stamp
    "bframes.mov": Clip(coder={"bf": "2"}, sound="aac"),
    "late.mkv": Clip(times=tuple(range(50, 50 + FRAMES))),
    "late.mp4": Clip(times=tuple(range(50, 50 + FRAMES))),
    "late.ts": Clip(times=tuple(range(36_000, 36_000 + FRAMES)), promises=False),
    "uneven.mp4": Clip(times=(0, 1, 2, 7, 8, 20)),
    "uneven.mkv": Clip(times=(0, 1, 2, 7, 8, 20)),
    "uneven.webm": Clip("libvpx", times=(0, 3, 4, 5, 30, 31)),
    "long-sound.mp4": Clip(sound="aac", sound_seconds=4.0),
    "long-sound.mkv": Clip(sound="aac", sound_seconds=4.0),
    "long-sound.webm": Clip("libvpx", sound="libopus", sound_seconds=4.0),
    "long-sound.avi": Clip("mpeg4", sound="libmp3lame", sound_seconds=4.0),
    "short-sound.mkv": Clip(sound="flac", sound_seconds=0.2),
}
CODED_RATES = {"mpeg1video": 25, "mpeg2video": 25}  # these codecs know few frame rates


def make_clip(path: Path, clip: Clip, frames: int = FRAMES) -> None:
    """Writes the scene of one object as a video."""
    rate = CODED_RATES.get(clip.codec, RATE)
    with av.open(str(path), "w", format={".y4m": "yuv4mpegpipe"}.get(path.suffix), options=clip.options) as container:
        stream = container.add_stream(clip.codec, rate=rate, options=_coder(clip.codec) | clip.coder)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, clip.pixels
        sound = _sound_stream(container, clip)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(1, index), format="rgb24").reformat(format=clip.pixels)
            frame.pts, frame.time_base = (clip.times or range(frames))[index], Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            _add_sound(container, sound, clip.sound_seconds or frames / rate)


def _coder(codec: str) -> dict[str, str]:
    """Small groups of pictures, so that damage ends somewhere."""
    return {
        "libx264": {"preset": "ultrafast", "g": "3", "bf": "0", "crf": "12"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:keyint=3"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "g": "3", "crf": "10", "b:v": "2M"},
        "libvpx": {"deadline": "realtime", "cpu-used": "8", "g": "3", "b:v": "2M"},
    }.get(codec, {"g": "3", "qmin": "2", "qmax": "4"} if codec in ("mpeg4", "mpeg1video", "mpeg2video", "wmv2") else {})


def _sound_stream(container: av.container.OutputContainer, clip: Clip) -> av.AudioStream | None:
    codec = clip.sound
    if codec is None:
        return None
    stream = cast(av.AudioStream, container.add_stream(codec, rate=48_000 if codec == "libopus" else HERTZ))
    if codec == "wmav2":
        stream.bit_rate = 64_000
    if codec == "wmav2" or clip.layout != "mono":
        stream.layout = clip.layout
    return stream


def _add_sound(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    """A tone of that length."""
    rate = stream.codec_context.rate
    wave = (8000 * np.sin(np.arange(int(seconds * rate)) * 0.06)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    size = stream.codec_context.frame_size or None
    resampler = AudioResampler(stream.codec_context.format, stream.codec_context.layout, rate, frame_size=size)
    for part in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(part))
    container.mux(stream.encode())
