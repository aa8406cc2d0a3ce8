"""What the code values of pictures mean: primaries, transfer function, and the matrix that they are coded with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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

_CHROMATICITIES = {  # AVCOL_PRI_* -> x and y of red, green, blue and white
    1: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, 0.3127, 0.3290),
    6: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.3290),
    7: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.3290),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
}
_POWERS = {4: 2.2, 5: 2.8, 8: 1.0}  # AVCOL_TRC_* that are plain powers
_CURVES = {7: (0.1115, 0.0228, 4.0, 0.45), 13: (0.055, 0.0031308, 12.92, 1 / 2.4)}  # excess, light, slope, power
_BT709_CURVE = (0.099, 0.018, 4.5, 0.45)


def chromaticities(primaries: int) -> tuple[float, ...]:
    """Gives x and y of red, green, blue and white; BT.709's where the primaries are not stated."""
    return _CHROMATICITIES.get(primaries, _CHROMATICITIES[1])


def to_linear(codes: npt.NDArray[np.uint8], transfer: int) -> npt.NDArray[np.float32]:
    """Gives linear light, 0..1, of code values: the inverse of the stated curve, BT.709's where none is stated.

    Args:
        codes: uint8, of any shape.
        transfer: AVCOL_TRC_*, of a standard picture.
    """
    values = np.arange(256) / 255
    if transfer in _POWERS:
        table = values ** _POWERS[transfer]
    else:
        excess, knee, slope, power = _CURVES.get(transfer, _BT709_CURVE)
        bent = ((values + excess) / (1 + excess)) ** (1 / power)
        table = np.where(values < knee * slope, values / slope, bent)
    return np.asarray(table.astype(np.float32)[codes], np.float32)
