"""Whether a frame shows another scene than the one before."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F

CUT_SIMILARITY = 0.65  # of two frames' cells, below which they may be of different scenes ...
CUT_DROP = 0.2  # ... if neighbouring frames of this video have been more alike by this much so far


class SceneCuts:
    """Compares every frame with the one before.

    A cut is a frame whose cells look like no cell near by in the one before: their median cosine is below what frames
    of one scene have, and far below what this video's frames have had so far.

    Args:
        enabled: false = there is never one.
    """

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self._cells: torch.Tensor | None = None  # unit features of the previous frame (C, h / 2, w / 2)
        self._usual = 0.0  # running mean of the similarity of neighbouring frames

    def is_cut(self, features: torch.Tensor) -> bool:
        """Takes the next frame's features (C, h, w); returns True if it is the first one of another scene."""
        if not self.enabled:
            return False
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
        """Returns what the next comparison needs as named tensors; see :meth:`restore`."""
        tensors = {"usual": torch.tensor(self._usual, dtype=torch.float64)}
        return tensors if self._cells is None else tensors | {"cells": self._cells.cpu().clone()}

    def restore(self, state: Mapping[str, torch.Tensor], device: torch.device) -> None:
        """Puts back what :meth:`state` gave."""
        self._usual = float(state["usual"])
        self._cells = state["cells"].to(device) if "cells" in state else None
