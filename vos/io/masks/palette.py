"""The colours in which objects are shown: those of the DAVIS annotations."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt


@lru_cache(maxsize=1)
def _davis() -> npt.NDArray[np.uint8]:
    index = np.arange(256)[:, None]
    bits = [(index >> (3 * k + np.arange(3))) & 1 for k in range(3)]
    colours = bits[0] * 128 + bits[1] * 64 + bits[2] * 32
    colours[:22][colours[:22] == 192] = 191  # DAVIS rounds down where PASCAL VOC, its source, does not
    return colours.astype(np.uint8)


def davis_palette() -> npt.NDArray[np.uint8]:
    """The colours of DAVIS' annotations, uint8 (256, 3) RGB; ids beyond 21 continue PASCAL VOC's series."""
    return _davis().copy()
