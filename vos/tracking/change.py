"""What changed from one frame to the next: where everything moved to, and whether it is another scene altogether."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vos.structures import Geometry
from vos.tracking.merge import ABSENT_LOGIT

FLOW_SIDE = 320  # longer side of the raster that flow is computed on, pixels
CUT_SIDES = (48, 27)  # (W, H) of the raster that cuts are looked for on
CUT_CORRELATION = 0.35  # of two frames' small pictures, below which they may be of different scenes
CUT_DROP = 3.0  # ... if they also differ by this many times as much as neighbouring frames did so far

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
    be fetched from there. A cut is a frame that neither correlates with the one before nor differs by an amount that
    is usual in this video.

    Args:
        flow: compute optical flow.
        cuts: look for cuts.
    """

    def __init__(self, flow: bool, cuts: bool) -> None:
        self.flow, self.cuts = flow, cuts
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST) if flow else None
        self._gray: Image | None = None
        self._small: Image | None = None
        self._usual = 0.0  # running mean of the difference between neighbouring frames, grey levels

    def observe(self, rgb: Image) -> Change:
        """Takes the next frame, uint8 (H, W, 3)."""
        cut = self._is_cut(rgb) if self.cuts else False
        flow = None
        if self._search is not None:
            gray = _gray(rgb)
            if self._gray is not None and not cut and self._gray.shape == gray.shape:
                start = np.zeros((*gray.shape, 2), np.float32)
                flow = self._search.calc(gray, self._gray, start).astype(np.float32)
            self._gray = gray
        return Change(cut, flow)

    def _is_cut(self, rgb: Image) -> bool:
        small = np.asarray(cv2.resize(rgb, CUT_SIDES, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        before, self._small = self._small, small
        if before is None:
            return False
        a, b = small.astype(np.float32), before.astype(np.float32)
        difference = float(np.abs(a - b).mean())
        a, b = a - a.mean(axis=(0, 1)), b - b.mean(axis=(0, 1))
        correlation = float((a * b).sum() / (np.sqrt((a**2).sum() * (b**2).sum()) + 1e-3))
        cut = correlation < CUT_CORRELATION and difference > max(CUT_DROP * self._usual, 10.0)
        if not cut:
            self._usual = 0.8 * self._usual + 0.2 * difference if self._usual else difference
        return cut

    def state(self) -> dict[str, torch.Tensor]:
        """As named tensors; see :meth:`restore`."""
        tensors = {"usual": torch.tensor(self._usual, dtype=torch.float64)}
        for name, picture in (("gray", self._gray), ("small", self._small)):
            if picture is not None:
                tensors[name] = torch.from_numpy(picture.copy())
        return tensors

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Puts back what :meth:`state` gave."""
        self._usual = float(state["usual"])
        self._gray = state["gray"].numpy().copy() if "gray" in state else None
        self._small = state["small"].numpy().copy() if "small" in state else None


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
