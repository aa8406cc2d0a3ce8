"""A tracker's answer made small, for the time until a second pass has its say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vos.structures import PRESENCES, LabelMap, TrackedFrame

STEP = 0.125  # of the logits kept; outlines move by less than a hundredth of a low-res cell

Arrays = dict[str, npt.NDArray[Any]]


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
