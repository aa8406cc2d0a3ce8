"""Where an object should be next: the temporal location prior."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.geometry import Geometry
from vos.persam.cascade import Box
from vos.tracking.config import MotionConfig
from vos.tracking.observation import ABSENT_LOGIT

FIRST_INNOVATION = 1.0  # of what has not been seen to move yet
INNOVATION_DECAY = 0.7  # share of an earlier innovation that is left after each frame
GATE_INNOVATIONS = 3.0  # so many times the latest innovations an object may stray
MIN_GATE = 0.03  # of an object that moves as expected, share of the picture's longer side: cameras shake, too


class Motion:
    """Constant-velocity prediction of one object's box that widens while the object is not clearly seen.

    Boxes are (x0, y0, x1, y1) in original pixels. After ``max_age`` frames without a sure sight nothing is
    predicted any more: a prior that outlives its evidence pulls the tracker onto whatever is there.
    """

    def __init__(self, config: MotionConfig) -> None:
        self.config = config
        self.box: Box | None = None
        self.velocity = np.zeros(2, dtype=np.float32)  # of the centre, original pixels per frame
        self.unsure = 0  # frames since the box was last sure
        self.innovation = FIRST_INNOVATION  # how far edges lately came from where they were expected, share of the size

    def update(self, box: Box, sure: bool) -> None:
        """Takes the box of the latest frame; an unsure one moves the prediction but keeps it wide."""
        if self.box is None:
            self.velocity = np.zeros(2, dtype=np.float32)
        else:
            size = np.tile(np.maximum(self.box[2:] - self.box[:2], 1), 2)
            strayed = float((np.abs(box - self.box - np.tile(self.velocity, 2)) / size).max())
            self.innovation = max(strayed, INNOVATION_DECAY * self.innovation)
            step = _centre(box) - _centre(self.box)
            keep = self.config.velocity_momentum
            self.velocity = (keep * self.velocity + (1 - keep) * step).astype(np.float32)
        self.box = box.astype(np.float32)
        self.unsure = 0 if sure else self.unsure + 1
        if self.unsure > self.config.max_age:
            self.forget()

    def forget(self) -> None:
        """Drops the prior: the object is lost."""
        self.box, self.unsure, self.innovation = None, 0, FIRST_INNOVATION
        self.velocity = np.zeros(2, dtype=np.float32)

    def predict(self, margin: float) -> Box | None:
        """Predicts the box in the next frame, not clipped to the picture.

        Args:
            margin: growth on each side, share of the box's size; grows by itself with every unsure frame.
        """
        return None if self.box is None else self._grown(margin * (self.box[2:] - self.box[:2]))

    def gate(self, side: float) -> Box | None:
        """Returns the box outside of which the object cannot be next; what moves as expected has a smaller one.

        Args:
            side: the picture's longer one, original pixels.

        Returns:
            None where it can be anywhere.
        """
        config = self.config
        if self.box is None or not config.gate:
            return None
        size = self.box[2:] - self.box[:2]
        calm = np.maximum((config.gate_calm + GATE_INNOVATIONS * self.innovation) * size, MIN_GATE * side)
        return self._grown(np.minimum(np.minimum(config.gate * size, config.gate_most * side), calm))

    def _grown(self, growth: npt.NDArray[np.float32]) -> Box:
        """The expected box, larger by ``growth`` (2,) on each side, and more where it is less sure."""
        assert self.box is not None
        centre, size = _centre(self.box) + self.velocity, self.box[2:] - self.box[:2]
        growth = growth * (1 + self.unsure)
        half = size / 2 + growth + np.abs(self.velocity) / 2
        return np.concatenate([centre - half, centre + half]).astype(np.float32)

    def state(self) -> dict[str, torch.Tensor]:
        """Returns the motion as named tensors; see :meth:`restore`."""
        box = np.full(4, np.nan, dtype=np.float32) if self.box is None else self.box
        return {
            "box": torch.from_numpy(box.copy()),
            "velocity": torch.from_numpy(self.velocity.copy()),
            "unsure": torch.tensor(self.unsure),
            "innovation": torch.tensor(self.innovation, dtype=torch.float64),
        }

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Puts back what :meth:`state` gave."""
        box = state["box"].numpy().copy()
        self.box = None if np.isnan(box).any() else box
        self.velocity = state["velocity"].numpy().copy()
        self.unsure, self.innovation = int(state["unsure"]), float(state["innovation"])


def shift_logits(logits: torch.Tensor, displacement: npt.NDArray[np.float32], geometry: Geometry) -> torch.Tensor:
    """Moves low-res logits (h4, w4) by (dx, dy) original pixels; what comes in from outside is background."""
    dx, dy = (displacement * np.asarray(geometry.scale_xy) / geometry.logit_stride).tolist()
    if max(abs(dx), abs(dy)) < 0.05:
        return logits
    height, width = logits.shape
    x, y = (int(np.clip(np.floor(d), -side, side)) for d, side in ((dx, width), (dy, height)))
    # Whole cells by padding and cropping, with a row and a column more; then the rest between neighbours.
    moved = F.pad(logits, (x + 1, -x, y + 1, -y), value=ABSENT_LOGIT)
    rows = torch.lerp(moved[1:], moved[:-1], min(max(dy - y, 0.0), 1.0))
    return torch.lerp(rows[:, 1:], rows[:, :-1], min(max(dx - x, 0.0), 1.0))


def _centre(box: Box) -> npt.NDArray[np.float32]:
    return ((box[:2] + box[2:]) / 2).astype(np.float32)
