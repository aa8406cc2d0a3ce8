"""What the code values of pictures mean: primaries, transfer function, and the matrix that they are coded with."""

from __future__ import annotations

from dataclasses import dataclass

UNSPECIFIED = 2


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """The colours of R'G'B' pictures, in FFmpeg's numbers (those of ISO/IEC 23091-2). BT.709 by default.

    Attributes:
        primaries: AVCOL_PRI_*.
        transfer: AVCOL_TRC_*.
        matrix: AVCOL_SPC_*, of the video that they come from or go into.
    """

    primaries: int = 1
    transfer: int = 1
    matrix: int = 1


BT709 = ColourSpace()
SRGB = ColourSpace(transfer=13)  # what pictures have
HDR = {"pq": ColourSpace(9, 16, 9), "hlg": ColourSpace(9, 18, 9)}
