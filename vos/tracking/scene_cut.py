"""What changed from one frame to the next: where everything moved to, and whether it is another scene altogether."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.geometry import Geometry
from vos.tracking.merge import ABSENT_LOGIT

FLOW_SIDE = 320  # longer side of the raster that flow is computed on, pixels
CUT_SIMILARITY = 0.65  # of two frames' cells, below which they may be of different scenes ...
CUT_DROP = 0.2  # ... if neighbouring frames of this video have been more alike by this much so far

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Change:
    """The change from the previous frame to this one.

    Attributes:
        cut: this frame shows another scene.
        flow: float32 (h, w, 2), for every cell of a small raster of the picture where it was in the previous frame,
            (dx, dy) in cells; None where it was not asked for, or after a cut.
    """

    cut: bool = False
    flow: npt.NDArray[np.float32] | None = None


class ChangeDetector:
    """Compares every frame with the one before.

    Dense inverse search (Kroeger et al., ECCV 2016) runs from this frame back to the previous one, so that a mask can
    be fetched from there. A cut is a frame whose cells look like no cell near by in the one before: their median
    cosine is below what frames of one scene have, and far below what this video's frames have had so far.

    Args:
        flow: compute optical flow.
        cuts: look for cuts.
    """

    def __init__(self, flow: bool, cuts: bool) -> None:
        self.flow, self.cuts = flow, cuts
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST) if flow else None
        self._gray: Image | None = None
        self._cells: torch.Tensor | None = None  # unit features of the previous frame (C, h / 2, w / 2)
        self._usual = 0.0  # running mean of the similarity of neighbouring frames

    def observe(self, rgb: Image, features: torch.Tensor) -> Change:
        """Takes the next frame, uint8 (H, W, 3), and its features (C, h, w)."""
        cut = self._is_cut(features) if self.cuts else False
        flow = None
        if self._search is not None:
            gray = _gray(rgb)
            if self._gray is not None and not cut and self._gray.shape == gray.shape:
                start = np.zeros((*gray.shape, 2), np.float32)
                flow = self._search.calc(gray, self._gray, start).astype(np.float32)
            self._gray = gray
        return Change(cut, flow)

    def _is_cut(self, features: torch.Tensor) -> bool:
        pooled = F.avg_pool2d(features[None].float(), 2, ceil_mode=True)[0]
        # With a small constant of its own a cell without any feature is like another one without.
        cells = F.normalize(torch.cat([pooled, torch.full_like(pooled[:1], 1e-3)]), dim=0)
        before, self._cells = self._cells, cells
        if before is None or before.shape != cells.shape:
            return False
        shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        near = torch.stack([(cells * before.roll(shift, dims=(1, 2))).sum(dim=0) for shift in shifts])
        similarity = float(near.amax(dim=0).median())
        cut = similarity < min(CUT_SIMILARITY, (self._usual or 1.0) - CUT_DROP)
        if not cut:
            self._usual = 0.8 * self._usual + 0.2 * similarity if self._usual else similarity
        return cut

    def state(self) -> dict[str, torch.Tensor]:
        """As named tensors; see :meth:`restore`."""
        tensors = {"usual": torch.tensor(self._usual, dtype=torch.float64)}
        if self._gray is not None:
            tensors["gray"] = torch.from_numpy(self._gray.copy())
        if self._cells is not None:
            tensors["cells"] = self._cells.cpu().clone()
        return tensors

    def restore(self, state: Mapping[str, torch.Tensor], device: torch.device) -> None:
        """Puts back what :meth:`state` gave."""
        self._usual = float(state["usual"])
        self._gray = state["gray"].numpy().copy() if "gray" in state else None
        self._cells = state["cells"].to(device) if "cells" in state else None


def warp_logits(logits: torch.Tensor, flow: npt.NDArray[np.float32], geometry: Geometry) -> torch.Tensor:
    """Fetches the previous frame's low-res logits (h2, w2) along the flow; what comes in from outside is background."""
    stride = geometry.logit_stride
    rows, columns = (-(-side // stride) for side in geometry.input_size)
    height, width = flow.shape[:2]
    dense = cv2.resize(flow, (columns, rows), interpolation=cv2.INTER_LINEAR)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    map_x = x + dense[..., 0] * (columns / width)
    map_y = y + dense[..., 1] * (rows / height)
    before = logits[:rows, :columns].float().cpu().numpy()
    fetched = cv2.remap(
        before, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(ABSENT_LOGIT,)
    )
    warped = torch.full_like(logits, ABSENT_LOGIT)
    warped[:rows, :columns] = torch.from_numpy(fetched).to(logits)
    return warped


def _gray(rgb: Image) -> Image:
    scale = FLOW_SIDE / max(rgb.shape[:2])
    size = (max(16, round(rgb.shape[1] * scale)), max(16, round(rgb.shape[0] * scale)))
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
