"""What is found in one photo."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vos.io.render import preview
from vos.structures import Presence


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One object found in a photo.

    Attributes:
        mask: bool (H, W), original pixels.
        alpha: uint8 (H, W), soft mask, 255 = object.
        score: in [0, 1], how likely it is that this is the concept (see ``vos.photos.presence``).
        predicted_iou: in [0, 1], the model's own estimate of the mask's IoU.
        similarity: of the mask to the references, 1 = as alike as the reference itself, 0 = as its surroundings.
        box: float32 (4,) as (x0, y0, x1, y1), first and last pixel of the mask (inclusive), or None if it is empty.
        points: float32 (P, 2) as (x, y), the point prompts that were used, original pixels.
        labels: int64 (P,), 1 = positive, 0 = negative.
    """

    mask: npt.NDArray[np.bool_] = field(repr=False)
    alpha: npt.NDArray[np.uint8] = field(repr=False)
    score: float
    predicted_iou: float
    similarity: float
    box: npt.NDArray[np.float32] | None
    points: npt.NDArray[np.float32] = field(repr=False)
    labels: npt.NDArray[np.int64] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class PhotoResult:
    """Where one concept is in one photo.

    Attributes:
        concept: its name.
        presence: present or absent.
        score: in [0, 1], the best instance's, whether present or not.
        mask: bool (H, W), the union of the instances; empty where absent.
        alpha: uint8 (H, W), the soft mask of the same.
        box: float32 (4,) as (x0, y0, x1, y1) around the mask (inclusive), or None where absent.
        instances: those at or above the threshold, best first: at most one, or with ``instances="all"`` any number.
        candidate: the best guess below the threshold, where absent; None if not even a guess was left.
    """

    concept: str
    presence: Presence
    score: float
    mask: npt.NDArray[np.bool_] = field(repr=False)
    alpha: npt.NDArray[np.uint8] = field(repr=False)
    box: npt.NDArray[np.float32] | None
    instances: tuple[Instance, ...]
    candidate: Instance | None = None

    def _repr_png_(self) -> bytes:
        """Shows itself in a notebook: its soft mask."""
        return preview(self.alpha, ".png")

    @property
    def points(self) -> npt.NDArray[np.float32]:
        """Returns the point prompts of the best instance or candidate, float32 (P, 2) as (x, y), original pixels."""
        best = self.instances[0] if self.instances else self.candidate
        return np.zeros((0, 2), np.float32) if best is None else best.points
