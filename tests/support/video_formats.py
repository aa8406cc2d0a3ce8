"""Containers and codecs that videos come in: what each needs besides its name, for the fixture ``make_clip``."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

FORMATS: dict[str, dict[str, Any]] = {
    "h264.mp4": {},
    "bframes.mov": {"options": {"bf": "3", "g": "7"}},
    "h264.mkv": {},
    "h264.avi": {"time_base": Fraction(1, 10)},
    "mpeg4.avi": {"codec": "mpeg4", "time_base": Fraction(1, 10)},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "vp8.webm": {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "10"}},
    "animation.gif": {"codec": "gif", "pixel_format": "rgb8"},
    "ten_bit.mkv": {"codec": "ffv1", "pixel_format": "yuv420p10le"},
    "ten_bit.mp4": {"codec": "libx265", "pixel_format": "yuv420p10le", "options": {"x265-params": "log-level=none"}},
    "gray.mkv": {"codec": "ffv1", "pixel_format": "gray"},
    "alpha.mov": {"codec": "qtrle", "pixel_format": "argb"},
    "alpha.webm": {"codec": "libvpx-vp9", "pixel_format": "yuva420p", "options": {"auto-alt-ref": "0"}},
    "odd.mkv": {"codec": "ffv1", "size": (47, 65)},
    "odd.webm": {"codec": "libvpx-vp9", "size": (49, 67)},
    "hevc_open_gop.mp4": {"codec": "libx265", "options": {"g": "6", "x265-params": "open-gop=1:log-level=none"}},
    "transport.ts": {"time_base": Fraction(1, 90_000)},
}

# Real clips with odd properties, in the folder clips of the test data: (frames, (H, W)), from its README.
REAL_CLIPS: dict[str, tuple[int, tuple[int, int]]] = {
    "sam2_01_dog.mp4": (289, (720, 1280)),
    "sam2_05_default_juggle.mp4": (247, (720, 1280)),
    "sam2_bedroom.mp4": (200, (540, 960)),
    "track_anything_test-sample2.mp4": (149, (320, 568)),
    "torchcodec_h264_10bits.mp4": (30, (200, 200)),
    "torchcodec_h265_video.mp4": (10, (128, 128)),
    "torchcodec_av1_video.mkv": (125, (360, 640)),
    "torchcodec_bt709_full_range.mp4": (30, (720, 1280)),
    "torchcodec_nasa_13013.mp4": (390, (270, 480)),
    "seggpt_video_1.mp4": (8, (512, 512)),
    "seggpt_video_3.mp4": (66, (480, 854)),
    "xmem2_chair.mp4": (60, (480, 720)),
}
