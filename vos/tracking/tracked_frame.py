"""A tracker's answer to one frame, and the same made small, for the time until a second pass has its say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vos.structures import PRESENCES, LabelMap, Presence

STEP = 0.125  # of the logits kept; so fine that outlines stay where they are

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """What the tracker says about one frame, still at low resolution; ``vos.tracking.merge`` makes pixels of it.

    Attributes:
        logits: float32 (N, h4, w4), low-res logits per object; foreground where > 0 and above all other objects.
            An absent object is a constant far below 0, so that it can never win a pixel.
        predicted_iou: float32 (N,); 0 where absent, 1 where the user gave the mask.
        presence: N values, in the order of the object ids.
        given: the user's own mask of this frame, or None. The objects that have pixels in it are taken from it,
            unchanged; their logits are then the low-res coverage of that mask, for priors only.
    """

    logits: torch.Tensor
    predicted_iou: torch.Tensor
    presence: tuple[Presence, ...]
    given: LabelMap | None = None

    def __post_init__(self) -> None:
        count = len(self.presence)
        if self.logits.ndim != 3 or len(self.logits) != count or tuple(self.predicted_iou.shape) != (count,):
            raise ValueError(
                f"logits {tuple(self.logits.shape)} and predicted_iou {tuple(self.predicted_iou.shape)} "
                f"must be (N, h4, w4) and (N,) for {count} objects"
            )


def pack(tracked: TrackedFrame) -> Arrays:
    """An answer as arrays that compress well: logits in one byte, -15.9 to 15.9, where every answer is sure long since.

    What is far from any outline then has one value, and a frame takes a few kilobytes per object once it is compressed.
    """
    arrays: Arrays = {
        "logits": (tracked.logits / STEP).round().clamp(-127, 127).to(torch.int8).cpu().numpy(),
        "predicted_iou": tracked.predicted_iou.float().cpu().numpy(),
        "presence": np.array([PRESENCES.index(p) for p in tracked.presence], np.uint8),
    }
    if tracked.given is not None:
        arrays["given"] = tracked.given.labels
        arrays["object_ids"] = np.array(tracked.given.object_ids, np.uint8)
    return arrays


def unpack(arrays: Mapping[str, npt.NDArray[Any]]) -> TrackedFrame:
    """The answer behind :func:`pack`, its logits to half a ``STEP``, -15.9 where they were below."""
    given = None
    if "given" in arrays:
        given = LabelMap(arrays["given"], tuple(arrays["object_ids"].tolist()))
    return TrackedFrame(
        logits=torch.from_numpy(arrays["logits"]).float() * STEP,
        predicted_iou=torch.from_numpy(arrays["predicted_iou"].copy()),
        presence=tuple(PRESENCES[k] for k in arrays["presence"]),
        given=given,
    )
