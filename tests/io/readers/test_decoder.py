"""Frames upright and in the right colours."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vos.errors import VosError
from vos.io.frames import open_frames

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
