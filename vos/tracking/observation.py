"""What one frame shows of one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from vos.geometry import Geometry
from vos.persam.cascade import Box, low_res_box
from vos.persam.overlap import resolve_overlap
from vos.persam.window import Window, paste
from vos.structures import Presence

ABSENT_LOGIT = -32.0  # what an absent object has everywhere; its soft alpha rounds to 0


@dataclass(frozen=True, slots=True)
class Observation:
    """One object in one frame: its decoded mask, how that was found, and what was concluded from it.

    Attributes:
        geometry: of the frame's embedding.
        logits: float (h4, w4), low-res.
        predicted_iou: of the mask, 0..1.
        similarity: float (h, w) on the embedding grid, to the object.
        maps: float (5, h, w), the similarity maps, where the model reads them.
        window: outside of it the object is absent; None: it may be anywhere.
        presence: UNCERTAIN until it is classified.
        redetected: it was not where it should have been, and the whole frame was searched for it.
    """

    geometry: Geometry
    logits: torch.Tensor
    predicted_iou: float
    similarity: torch.Tensor
    maps: torch.Tensor | None = None
    window: Window | None = None
    presence: Presence = Presence.UNCERTAIN
    redetected: bool = False

    @property
    def box(self) -> Box | None:
        """The mask's box (x0, y0, x1, y1) in original pixels, None where there is no mask."""
        return low_res_box(self.logits, self.geometry)

    @property
    def area(self) -> float:
        """The mask's area in original pixels."""
        scale_x, scale_y = self.geometry.scale_xy
        cells = float((self.in_window(self.logits) > 0).sum())
        return cells * self.geometry.logit_stride**2 / (scale_x * scale_y)

    @property
    def coverage(self) -> torch.Tensor:
        """Float (h, w) in [0, 1], the share of the window's grid cells that the mask covers."""
        mask = (self.in_window(self.logits) > 0).to(self.similarity)
        return F.avg_pool2d(mask[None], self.geometry.logits_per_cell)[0]

    def in_window(self, values: torch.Tensor) -> torch.Tensor:
        """Returns the window's part of a map (..., h', w') of the whole frame, on any of its grids, as a view."""
        if self.window is None:
            return values
        rows, columns = self.window.slices(values.shape[-1] // self.geometry.grid_size[1])
        return values[..., rows, columns]

    def pasted(self, window: Window, geometry: Geometry) -> Observation:
        """Returns what was seen in a window, in the whole frame: absent, and unlike the object, outside of it."""
        return replace(
            self,
            geometry=geometry,
            logits=paste(self.logits, window, geometry.logit_size, ABSENT_LOGIT),
            similarity=paste(self.similarity, window, geometry.grid_size, -1.0),
            maps=None if self.maps is None else paste(self.maps, window, geometry.grid_size, -1.0),
            window=window,
        )

    def absent(self) -> Observation:
        """Returns the same frame without the object in it."""
        return replace(self, logits=torch.full_like(self.logits, ABSENT_LOGIT), presence=Presence.ABSENT)


def without_overlap(observations: Sequence[Observation]) -> list[Observation]:
    """Gives every low-res cell that several objects claim to the surest of them."""
    if not observations:
        return []
    resolved = resolve_overlap(torch.stack([observation.logits for observation in observations]))
    return [replace(observation, logits=logits) for observation, logits in zip(observations, resolved)]
