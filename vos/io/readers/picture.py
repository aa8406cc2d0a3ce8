"""Decoded frames as pictures to look at: RGB, upright, opaque, progressive, with standard colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.sidedata.sidedata import Type as SideDataType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from PIL import Image

from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.colour_space import BT709, HDR, SRGB, UNSPECIFIED, ColourSpace
from vos.io.hdr import TRANSFERS, tone_map
from vos.io.images import on_white
from vos.io.readers.decoder import AV_ERRORS, reason

BT2020 = getattr(Colorspace, "BT2020", 9)  # older PyAV has no name for it
# Colour matrices as streams name them (AVCOL_SPC_*) to the ones that swscale converts with.
MATRICES = {
    1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M, 9: BT2020, 10: BT2020,
}  # fmt: skip
FULL_RANGE_FORMATS = ("yuvj", "gray", "ya")  # pixel formats that are full range whatever the stream says

Pixel = TypeVar("Pixel", np.uint8, np.uint16)


@dataclass(frozen=True, slots=True)
class Conversion:
    """Says how decoded frames become pictures.

    Attributes:
        hdr: "tonemap" | "keep", whether the HDR pictures are kept beside the tone-mapped ones.
        deinterlace: "auto" | "off", whether frames of two fields become one picture.

    Raises:
        VosError: another word.
    """

    hdr: str = "tonemap"
    deinterlace: str = "auto"

    def __post_init__(self) -> None:
        for name, given, allowed in (
            ("hdr", self.hdr, ("tonemap", "keep")),
            ("deinterlace", self.deinterlace, ("auto", "off")),
        ):
            if given not in allowed:
                raise VosError(f"{name}={given} is unknown; choose one of: {', '.join(allowed)}")


STANDARD = Conversion()


class UprightRgb:
    """Turns decoded frames into uint8 (H, W, 3) RGB, upright, all of the first frame's size.

    The colour matrix and range are the stream's own. Where no matrix is stated: BT.709 for HD, BT.601 below,
    as players do. Rotation and flips of the display matrix are applied. HDR is tone-mapped. Transparent pixels are
    laid on white, as those of photos are.

    Args:
        shown_as: what the user typed, for messages.
        keep_hdr: also give the HDR picture.

    Raises:
        VosError: on a call, if FFmpeg cannot convert the frame.
    """

    def __init__(self, shown_as: str, keep_hdr: bool = False) -> None:
        self.shown_as, self.keep_hdr = shown_as, keep_hdr
        self._reformatter = VideoReformatter()
        self._coded_size: SizeHW | None = None

    def __call__(self, frame: Any) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16] | None]:
        """Returns a decoded frame as RGB, uint8 (H, W, 3), and if it is kept the HDR picture, uint16 (H, W, 3)."""
        turn = display_matrix(frame)
        if (transfer := transfer_of(frame)) is not None:
            codes = orient(self._converted(frame, "rgb48le"), turn)
            return tone_map(codes, transfer), codes if self.keep_hdr else None
        if has_alpha(frame):
            return orient(on_white(Image.fromarray(self._converted(frame, "rgba"))), turn), None
        return orient(self._converted(frame, "rgb24"), turn), None

    def _converted(self, frame: Any, format: str) -> Any:
        if self._coded_size is None:
            self._coded_size = frame.height, frame.width
        height, width = self._coded_size  # a change of resolution within a stream is scaled back
        matrix = matrix_of(frame.colorspace, frame.height, frame.width)
        is_full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith(FULL_RANGE_FORMATS)
        try:
            return self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format=format,
                src_colorspace=matrix,
                src_color_range=ColorRange.JPEG if is_full else ColorRange.MPEG,
                # RGB has no matrix; but older PyAV converts by its defaults where both sides name the same one.
                dst_colorspace=Colorspace.ITU709 if matrix == Colorspace.ITU601 else Colorspace.ITU601,
                dst_color_range=ColorRange.JPEG,
            ).to_ndarray()
        except AV_ERRORS as error:
            raise VosError(f"{self.shown_as}: a frame cannot be converted to RGB ({reason(error)})") from error


def matrix_of(number: int, height: int, width: int) -> Any:
    """Gives swscale's matrix for AVCOL_SPC_*, and where that says nothing the one that players take for the size."""
    return MATRICES.get(number, Colorspace.ITU709 if height > 576 or width >= 1280 else Colorspace.ITU601)


def colour_space_of(frame: Any, coder: Any, conversion: Conversion) -> ColourSpace:
    """Tells what the pictures of a stream mean when they are converted.

    Args:
        frame: a decoded frame.
        coder: codec context of the stream; what it says counts where the frame says nothing.
        conversion: how frames become pictures.
    """
    if (transfer := transfer_of(frame)) is not None:
        return HDR[transfer] if conversion.hdr == "keep" else BT709
    primaries, trc, matrix = (_told(name, frame, coder) for name in ("color_primaries", "color_trc", "colorspace"))
    if frame.format.is_rgb:
        return SRGB if primaries == trc == UNSPECIFIED else ColourSpace(primaries, trc)
    return ColourSpace(primaries, trc, min(matrix, 9) if matrix in MATRICES else UNSPECIFIED)


def _told(name: str, *by: Any) -> int:
    values = (int(getattr(one, name, None) or UNSPECIFIED) for one in by)  # older PyAV has not all; 0 = reserved
    return next((value for value in values if value != UNSPECIFIED), UNSPECIFIED)


def transfer_of(frame: Any) -> str | None:
    """Tells which HDR transfer function a decoded frame has: "pq", "hlg" or None."""
    return TRANSFERS.get(getattr(frame, "color_trc", 2))


def has_alpha(frame: Any) -> bool:
    """Tells whether a decoded frame has transparency."""
    return any(component.is_alpha for component in frame.format.components)


def notes_of(first: Any, conversion: Conversion) -> tuple[str, ...]:
    """Says what is done to frames like the first one, a clause each."""
    notes = []
    if (transfer := transfer_of(first)) is not None:
        kept = "kept in overlay and matte" if conversion.hdr == "keep" else "hdr=keep keeps it in overlay and matte"
        notes.append(f"HDR ({transfer.upper()}), tone-mapped to a standard picture; {kept}")
    if first.interlaced_frame:
        is_off = conversion.deinterlace == "off"
        notes.append(f"interlaced, {'left as it is' if is_off else 'deinterlaced; deinterlace=off leaves the fields'}")
    return tuple(notes)


def deinterlaced(frames: Iterator[Any], time_base: Fraction) -> Iterator[Any]:
    """Yields a picture for each frame of two fields (bwdif); frames that are progressive stay as they are."""
    graph: Graph | None = None
    shape: tuple[Any, ...] = ()
    for frame in frames:
        if shape != (frame.width, frame.height, frame.format.name):
            yield from _pulled(graph, None)
            graph, shape = _bwdif(frame, time_base), (frame.width, frame.height, frame.format.name)
        yield from _pulled(graph, frame)
    yield from _pulled(graph, None)


def _bwdif(frame: Any, time_base: Fraction) -> Graph:
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)
    fields = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(fields)
    fields.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Graph | None, frame: Any) -> Iterator[Any]:
    """Hands a frame to the graph, None at the end, and yields what comes out."""
    if graph is None:
        return
    graph.push(frame)
    while True:
        try:
            picture: Any = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        if picture.pts is not None:
            picture.pts //= 2  # the filter counts fields
        yield picture


def display_matrix(frame: Any) -> tuple[int, int, int, int]:
    """Gives (a, b, c, d) of a frame's display matrix as signs: x' = a x + c y, y' = b x + d y; identity if none."""
    data = frame.side_data.get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(bytes(data), dtype=np.int32)[:5].astype(np.int64)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (-1 if a < 0 else 1), 0, 0, (-1 if d < 0 else 1)
    return 0, (-1 if b < 0 else 1), (-1 if c < 0 else 1), 0


def orient(image: npt.NDArray[Pixel], matrix: tuple[int, int, int, int]) -> npt.NDArray[Pixel]:
    """Turns and flips an image (H, W, 3) by whole quarter turns, see :func:`display_matrix`."""
    a, b, c, d = matrix
    if a:
        flip_x, flip_y = a < 0, d < 0
    else:
        image, flip_x, flip_y = image.transpose(1, 0, 2), c < 0, b < 0
    return np.ascontiguousarray(image[:: -1 if flip_y else 1, :: -1 if flip_x else 1])
