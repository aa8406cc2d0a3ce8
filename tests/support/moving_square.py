"""Results of a red square on a blue ground, with what is wrong put in by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

SIZE = (60, 80)
SIDE = 20
RED, BLUE = (200, 30, 30), (30, 40, 200)
# What a summary tells of a run.
ABOUT: dict[str, Any] = {
    "versions": {"vos": "1.2", "python": "3", "torch": "2"},
    "model": {
        "name": "nano",
        "checkpoint": "nano.safetensors",
        "sha256": "abcdef0123456789",
        "engine": "torch",
        "precision": "float32",
        "device": "cpu",
    },
    "video": {"path": "rtsp://me:secret@camera/1", "size": [60, 80], "fps": 25.0},
    "config": {"video": "rtsp://me:secret@camera/1", "tracker": {"name": "persam", "points": 1}, "start": None},
    "clip": {"name": "Me & <my> clip", "digest": "0" * 32, "frame_suffix": ".jpg"},
}


def square(
    index: int, x: int | None, side: int = SIDE, score: float = 0.9, shown: bool | None = None
) -> SegmentedFrame:
    """A frame whose square is found with its left edge at ``x``, or not at all; ``shown``: the picture shows it."""
    rgb, labels = np.full((*SIZE, 3), BLUE, np.uint8), np.zeros(SIZE, np.uint8)
    if shown is None:
        shown = x is not None
    if x is not None:
        labels[20 : 20 + side, x : x + side] = 1
        rgb[labels == 1] = RED
    elif shown:
        rgb[20 : 20 + side, 30 : 30 + side] = RED
    presence = Presence.ABSENT if x is None else Presence.PRESENT
    scores = np.array([0.0 if x is None else score], np.float32)
    return SegmentedFrame(Frame(index, f"{index:05d}", index / 25, rgb), LabelMap(labels, (1,)), scores, (presence,))


def clip(count: int, wrong: Mapping[int, Mapping[str, Any]] | None = None) -> Iterator[SegmentedFrame]:
    """A square that moves by a pixel a frame; ``wrong`` says what else :func:`square` is given in some frames."""
    for index in range(count):
        yield square(index, **{"x": 10 + index % 30, **(wrong or {}).get(index, {})})
