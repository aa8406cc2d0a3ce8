"""Results with known masks, and outputs written from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vos.io.readers.base import FrameSource
from vos.io.writers import Writer
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

IDS = (1, 3)


def segmented(frame: Frame) -> SegmentedFrame:
    """A disk that moves (object 1) and a resting one (object 3) that is gone in every third frame; soft alpha."""
    height, width = frame.size
    y, x = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.uint8)
    gone = frame.index % 3 == 2
    if not gone:
        labels[(y - height * 0.7) ** 2 + (x - width * 0.7) ** 2 < (height / 5) ** 2] = 3
    labels[(y - height * 0.4) ** 2 + (x - (5 + 3 * frame.index) % width) ** 2 < (height / 4) ** 2] = 1
    alpha = np.stack([cv2.GaussianBlur((labels == i).astype(np.uint8) * 255, (0, 0), 1.5) for i in IDS])
    presence = (Presence.PRESENT, Presence.ABSENT if gone else Presence.UNCERTAIN)
    return SegmentedFrame(
        frame, LabelMap(labels, IDS), np.array([0.9, 0.0 if gone else 0.5], np.float32), presence, alpha
    )


def write_all(writer: Writer, source: FrameSource, start: int = 0, stop: int | None = None) -> None:
    with writer:
        for frame in source.frames(start, stop):
            writer.write(segmented(frame))


def streams(path: Path) -> dict[str, Any]:
    with av.open(str(path)) as container:
        return {s.type: (s.codec_context.name, float((s.duration or 0) * s.time_base)) for s in container.streams}
