"""What one look at a frame shows of one object, before anything is concluded from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from vos.geometry import Geometry
from vos.persam.window import Window, paste
from vos.tracking.merge import ABSENT_LOGIT


@dataclass(frozen=True, slots=True)
class Sight:
    """One object in one frame, or in a window of it.

    Attributes:
        logits: float (h2, w2), low-res.
        predicted_iou: of the mask, 0..1.
        similarity: float (h, w) on the embedding grid.
        maps: float (5, h, w), the similarity maps, where the model reads them.
        contested: the decoder's candidates disagree: a look-alike may be near.
        window: outside of it the object is absent; None: it may be anywhere.
    """

    logits: torch.Tensor
    predicted_iou: float
    similarity: torch.Tensor
    maps: torch.Tensor | None = None
    contested: bool = False
    window: Window | None = None

    def part(self, values: torch.Tensor, geometry: Geometry) -> torch.Tensor:
        """What a map (..., h', w') of the whole frame, on any of its grids, says of the window."""
        if self.window is None:
            return values
        rows, columns = self.window.slices(values.shape[-1] // geometry.grid_size[1])
        return values[..., rows, columns]

    def pasted(self, window: Window, geometry: Geometry) -> Sight:
        """The same in the whole frame: absent, and unlike the object, outside of the window."""
        return replace(
            self,
            logits=paste(self.logits, window, geometry.logit_size, ABSENT_LOGIT),
            similarity=paste(self.similarity, window, geometry.grid_size, -1.0),
            maps=None if self.maps is None else paste(self.maps, window, geometry.grid_size, -1.0),
            window=window,
        )
