"""The part of a frame in which an object in sight can be: only there is it compared and decoded.

A decoder without attention works on any part of the embedding as on an image of its own. What lies out of reach is
background anyway, and most objects fill a small part of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from vos.geometry import Geometry, SizeHW
from vos.structures import ImageEmbedding

# Cells. Even, as the decoder halves the grid once; few, because oneDNN has to get ready for each size; and none
# narrower, as that would show the object without its surroundings.
SIDES = (12, 16, 24, 32, 40, 48, 64)
MIN_SIDE = SIDES[0]
MAX_SHARE = 0.8  # of the grid; a larger window saves nothing
MOST_GROWTH = 2.0  # of a window's area, to be decoded in a batch with larger ones
MOST_ALIKE = 8  # in a batch: oneDNN gets ready for each number of windows, too


@dataclass(frozen=True, slots=True)
class Window:
    """Cells y0..y1 - 1 and x0..x1 - 1 of the embedding grid; its sides are even."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def size(self) -> SizeHW:
        """(h, w) in cells."""
        return self.y1 - self.y0, self.x1 - self.x0

    def grown(self, size: SizeHW, grid: SizeHW) -> Window:
        """Returns the window of ``size`` around this one, inside the grid (h, w); neither is smaller than this one."""
        (y0, y1), (x0, x1) = (
            _grown(low, side, limit) for low, side, limit in zip((self.y0, self.x0), zip(self.size, size), grid)
        )
        return Window(y0, y1, x0, x1)

    def within(self, area: Window) -> Window:
        """Returns the same window, counted from the first cell of an area that holds it."""
        return Window(self.y0 - area.y0, self.y1 - area.y0, self.x0 - area.x0, self.x1 - area.x0)

    def slices(self, cells: int = 1) -> tuple[slice, slice]:
        """Rows and columns on a grid with ``cells`` times as many cells."""
        return slice(self.y0 * cells, self.y1 * cells), slice(self.x0 * cells, self.x1 * cells)


def window_around(box: npt.NDArray[np.float32], geometry: Geometry) -> Window | None:
    """Finds the window that holds a box (x0, y0, x1, y1) in original pixels; None where it is most of the picture."""
    x0, y0, x1, y1 = (geometry.boxes_to_input(box) / geometry.grid_stride).tolist()
    height, width = geometry.grid_size
    rows, columns = _span(y0, y1, height), _span(x0, x1, width)
    share = (rows[1] - rows[0]) * (columns[1] - columns[0]) / (height * width)
    return Window(*rows, *columns) if share <= MAX_SHARE else None


def _span(low: float, high: float, limit: int) -> tuple[int, int]:
    """The cells that hold low..high and some around them: one of ``SIDES``, where there is room."""
    first, last = (int(edge) for edge in np.clip((np.floor(low), np.ceil(high)), 0, limit))
    side = min([limit, *(side for side in SIDES if side >= last - first)])
    begin = min(max(0, first - (side - (last - first)) // 2), limit - side)
    return begin, begin + side


def _grown(low: int, sides: tuple[int, int], limit: int) -> tuple[int, int]:
    """Begin and end after growing from the first side to the second."""
    before, after = sides
    begin = min(max(0, low - (after - before) // 2), limit - after)
    return begin, begin + after


def alike(windows: Mapping[int, Window], grid: SizeHW) -> list[dict[int, Window]]:
    """Groups windows for batches: those of a group have one size, because small ones have grown a little.

    Args:
        windows: by the number of their objects.
        grid: (h, w) of the embedding grid.

    Returns:
        The groups; every number in one of them.
    """
    groups: list[dict[int, Window]] = []
    sizes: list[SizeHW] = []
    for number, window in sorted(windows.items(), key=lambda item: (-item[1].size[0] * item[1].size[1], item[0])):
        height, width = window.size
        for group, size in zip(groups, sizes):
            fits = height <= size[0] and width <= size[1] and size[0] * size[1] <= MOST_GROWTH * height * width
            if fits and len(group) < MOST_ALIKE:
                group[number] = window.grown(size, grid)
                break
        else:
            groups.append({number: window})
            sizes.append(window.size)
    return groups


def hull(windows: Sequence[Window]) -> Window:
    """Finds the smallest window that holds all of these, at least one."""
    return Window(
        min(window.y0 for window in windows),
        max(window.y1 for window in windows),
        min(window.x0 for window in windows),
        max(window.x1 for window in windows),
    )


def crop(embedding: ImageEmbedding, window: Window) -> ImageEmbedding:
    """Cuts out the window as an image of its own, whose original pixels are those of the model input."""
    stride = embedding.geometry.grid_stride
    size: SizeHW = ((window.y1 - window.y0) * stride, (window.x1 - window.x0) * stride)
    geometry = Geometry(size, size, size, stride, embedding.geometry.logit_stride)
    rows, columns = window.slices()
    levels = []
    for level in embedding.levels:
        own_rows, own_columns = window.slices(level.shape[-1] // embedding.features.shape[-1])
        levels.append(level[:, own_rows, own_columns])
    return ImageEmbedding(embedding.features[:, rows, columns], geometry, tuple(levels))


def paste(values: torch.Tensor, window: Window, size: SizeHW, fill: float) -> torch.Tensor:
    """Puts maps (..., h, w) of a window back into a grid of ``size`` that is ``fill`` elsewhere."""
    cells = values.shape[-1] // (window.x1 - window.x0)
    whole = values.new_full((*values.shape[:-2], *size), fill)
    rows, columns = window.slices(cells)
    whole[..., rows, columns] = values
    return whole
