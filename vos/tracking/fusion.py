"""One answer of two: what both passes over the frames say about an object."""

from __future__ import annotations

import torch

from vos.structures import Presence, TrackedFrame
from vos.tracker_config import SecondPassConfig


def fuse(first: TrackedFrame, second: TrackedFrame, config: SecondPassConfig) -> TrackedFrame:
    return first
