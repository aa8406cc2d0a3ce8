"""Frames upright and in the right colours."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from vos.errors import VosError
from vos.io.colour_space import ColourSpace
from vos.io.frames import Conversion, open_frames
from vos.io.hdr import from_sdr

# (a, b, c, d) of the display matrix, and what it does to a picture
ORIENTATIONS: dict[str, tuple[tuple[int, int, int, int], Callable[[Any], Any]]] = {
    "90 clockwise, as phones hold it": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "180": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "90 counterclockwise": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "mirrored, as selfies": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda p: p[::-1]),
    "transposed": ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_rotation_and_flips_are_applied(name: str, make_clip: Any) -> None:
    path = make_clip("a.mp4", count=3, options={"crf": "5"})
    plain = next(iter(open_frames(str(path)))).rgb
    (a, b, c, d), turn = ORIENTATIONS[name]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the matrix of a version 0 track header
    data[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    with open_frames(str(path)) as source:
        expected = turn(plain)
        assert source.size == expected.shape[:2]
        assert np.array_equal(next(iter(source)).rgb, expected)
    with pytest.raises(VosError, match="reader=pyav"):  # decord returns broken pictures here
        open_frames(str(path), reader="decord")


BT709, BT601, UNSTATED = 1, 6, 2
TV, PC = 1, 2


@pytest.mark.parametrize(
    ("matrix", "range_", "stated", "size"),
    [
        (BT709, TV, True, (64, 64)),
        (BT601, TV, True, (64, 64)),
        (BT709, PC, True, (64, 64)),
        (BT601, PC, True, (64, 64)),
        (BT601, TV, False, (64, 64)),  # not stated and small: BT.601
        (BT709, TV, False, (720, 1280)),  # not stated and HD: BT.709
    ],
)
def test_colours_follow_matrix_and_range(
    matrix: int, range_: int, stated: bool, size: tuple[int, int], tmp_path: Path
) -> None:
    colours = np.array([[200, 40, 30], [20, 180, 60], [30, 60, 220], [250, 250, 250], [5, 5, 5], [128, 128, 128]])
    picture = np.repeat(np.repeat(colours.astype(np.uint8)[None], size[0], 0), size[1] // 6 + 1, axis=1)[:, : size[1]]
    path = tmp_path / "colour.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv444p"
        stream.codec_context.colorspace = matrix if stated else UNSTATED
        stream.codec_context.color_range = range_
        frame: Any = av.VideoFrame.from_ndarray(picture, "rgb24")
        frame = frame.reformat(format="yuv444p", dst_colorspace=matrix, dst_color_range=range_)
        frame.colorspace = matrix if stated else UNSTATED
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    decoded = next(iter(open_frames(str(path)))).rgb
    assert np.abs(decoded.astype(int) - picture).max() <= 4


def hdr_clip(path: Path, codes: npt.NDArray[np.uint16], transfer: str) -> Path:
    """Three frames of HDR code values (H, W, 3), lossless, tagged as HDR cameras tag them."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx265", rate=10, options={"x265-params": "lossless=1:log-level=none"})
        stream.height, stream.width, stream.pix_fmt = *codes.shape[:2], "yuv444p10le"
        coder = stream.codec_context
        coder.colorspace, coder.color_primaries, coder.color_range = 9, 9, TV
        coder.color_trc = {"pq": 16, "hlg": 18}[transfer]
        for index in range(3):
            frame: Any = av.VideoFrame.from_ndarray(codes, "rgb48le")
            frame = frame.reformat(format="yuv444p10le", dst_colorspace=9, dst_color_range=TV)
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def patches() -> npt.NDArray[np.uint8]:
    """Six colours in bands of 16 columns, uint8 (64, 96, 3)."""
    colours = np.array([[150, 60, 50], [40, 130, 60], [50, 70, 140], [120, 120, 120], [20, 20, 20], [90, 150, 150]])
    return np.repeat(np.repeat(colours.astype(np.uint8)[None], 64, 0), 16, axis=1)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_hdr_is_tone_mapped_or_kept(transfer: str, tmp_path: Path) -> None:
    codes = from_sdr(patches(), transfer)
    path = str(hdr_clip(tmp_path / "hdr.mp4", codes, transfer))
    with open_frames(path) as source:
        (note,) = source.notes
        assert f"HDR ({transfer.upper()})" in note
        assert "hdr=keep" in note
        frame = source.frame(1)
        assert frame.hdr is None
        assert np.abs(frame.rgb.astype(int) - patches()).max() <= 2  # darker than what is compressed
    with open_frames(path, conversion=Conversion(hdr="keep")) as source:
        assert source.hdr == transfer
        kept = source.frame(1)
        assert kept.hdr is not None
        assert np.abs(kept.hdr.astype(int) - codes).max() < 65536 / 1024 * 2
        assert np.array_equal(kept.rgb, frame.rgb)  # what the model sees
    with pytest.raises(VosError, match=r"reader=pyav|vos\[decord\]"):
        open_frames(path, reader="decord")
    with pytest.raises(VosError, match="hdr=no is unknown"):
        Conversion(hdr="no")


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mov", "qtrle", "argb"),
        ("b.mov", "png", "rgba"),
        ("c.mov", "prores_ks", "yuva444p10le"),
        ("d.webm", "libvpx-vp9", "yuva420p"),
        ("e.webm", "libvpx", "yuva420p"),
    ],
)
def test_transparent_videos_look_as_the_folder_of_their_frames(
    name: str, codec: str, pixel_format: str, encode: Any, tmp_path: Path
) -> None:
    y, x = np.mgrid[:64, :96]
    hidden = np.stack([x * 2, y * 3, 255 - x * 2], axis=-1).astype(np.uint8)  # colours under alpha 0
    rgba = np.dstack([hidden, ((x - 48) ** 2 + (y - 32) ** 2 < 400) * np.uint8(255)])
    options = {"auto-alt-ref": "0", "crf": "4", "b": "2M"} if codec.startswith("libvpx") else {}
    (tmp_path / "frames").mkdir()
    for index in range(3):
        Image.fromarray(rgba).save(tmp_path / "frames" / f"{index}.png")
    clip = encode(name, [rgba] * 3, codec=codec, pixel_format=pixel_format, options=options)
    if codec.startswith("libvpx"):
        clip = with_alpha_mode(clip, tmp_path / f"tagged {name}")
    with open_frames(str(clip)) as source, open_frames(str(tmp_path / "frames")) as folder:
        for frame, expected in zip(source, folder):
            difference = np.abs(frame.rgb.astype(int) - expected.rgb)
            assert difference.mean() < (0.01 if codec in ("qtrle", "png") else 2)
            assert (frame.rgb[:8, :8] >= 250).all()


def with_alpha_mode(clip: Path, target: Path) -> Path:
    """Remuxes a WebM with the tag that says that there is transparency beside its pictures."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as output:
        track = output.add_stream_from_template(source.streams.video[0])
        track.metadata["alpha_mode"] = "1"
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                output.mux(packet)
    return target


def interlaced_clip(path: Path, codec: str = "mpeg2video", options: dict[str, str] | None = None) -> Path:
    """Ten frames of two fields each; a bright square moves four pixels from field to field."""

    def field(time: int) -> npt.NDArray[np.uint8]:
        picture = np.full((64, 128, 3), 60, np.uint8)
        picture[20:44, 8 + 4 * time : 28 + 4 * time] = 220
        return picture

    pictures = [field(2 * i) for i in range(10)]
    for index, picture in enumerate(pictures):
        picture[1::2] = field(2 * index + 1)[1::2]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=options or {"flags": "+ildct+ilme", "g": "4"})
        stream.height, stream.width, stream.pix_fmt = 64, 128, "yuv422p" if codec == "mpeg2video" else "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
        for index, picture in enumerate(pictures):
            frame: Any = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def combing(rgb: npt.NDArray[np.uint8]) -> float:
    """How much a row differs from both its neighbours where these are alike."""
    rows = rgb.astype(int).sum(axis=2)
    inner, mean = rows[1:-1], (rows[:-2] + rows[2:]) / 2
    return float(np.abs(inner - mean)[np.abs(rows[:-2] - rows[2:]) < 30].mean())


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mxf", "mpeg2video", None),
        ("a.mpg", "mpeg2video", None),
        ("a.mp4", "libx264", {"x264-params": "interlaced=1:keyint=4:bframes=0"}),
    ],
)
def test_interlaced_frames_become_progressive(
    name: str, codec: str, options: dict[str, str] | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(interlaced_clip(tmp_path / name, codec, options))
    with open_frames(path, conversion=Conversion(deinterlace="off")) as source:
        fields = list(source)
        assert source.notes == ("interlaced, left as it is",)
    with open_frames(path) as source:
        assert source.notes == ("interlaced, deinterlaced; deinterlace=off leaves the fields",)
        frames = list(source)
        assert [f.time for f in frames] == [f.time for f in fields]
        for frame, raw in zip(frames[1:], fields[1:]):
            assert combing(frame.rgb) < combing(raw.rgb) / 3
        for index in (9, 0, 4, 5, 8, 3):
            assert np.array_equal(source.frame(index).rgb, frames[index].rgb), index
        assert not source.damage
    assert not caplog.records


@pytest.mark.parametrize(
    ("codec", "pixel_format", "told", "expected"),
    [
        ("libx264", "yuv420p", (1, 1, 1), ColourSpace(1, 1, 1)),
        ("libx264", "yuv420p", (5, 6, 5), ColourSpace(5, 6, 5)),
        ("libx264", "yuv420p10le", (9, 14, 9), ColourSpace(9, 14, 9)),
        ("libx264", "yuv420p", (2, 2, 2), ColourSpace(2, 2, 2)),
        ("libx264", "yuv420p", (1, 1, 8), ColourSpace(1, 1, 2)),  # YCgCo, which nothing here converts with
        ("libx264rgb", "rgb24", (2, 2, 2), ColourSpace(1, 13, 1)),  # as pictures
        ("libx264", "yuv420p10le", (9, 16, 9), ColourSpace(1, 1, 1)),  # tone-mapped
    ],
)
def test_the_colour_space_is_that_of_the_pictures(
    codec: str, pixel_format: str, told: tuple[int, int, int], expected: ColourSpace, tmp_path: Path
) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 64, pixel_format
        coder = stream.codec_context
        coder.color_primaries, coder.color_trc = told[:2]
        if codec == "libx264":
            coder.colorspace = told[2]
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), "rgb24").reformat(format=pixel_format)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with open_frames(str(tmp_path / "a.mp4")) as source:
        assert source.colour_space == expected
    if told[1] == 16:
        with open_frames(str(tmp_path / "a.mp4"), conversion=Conversion(hdr="keep")) as source:
            assert source.colour_space == ColourSpace(9, 16, 9)
