"""Results with known masks in any form: an object with a hole, one of two pieces that is gone in every third frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vos.io.clip import Clip
from vos.io.config import OutputConfig
from vos.io.frames import open_frames
from vos.io.writers.choice import DEFAULT, make_writers, output_paths
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

COUNT, SIZE = 7, (90, 120)
IDS = {1: 1, 4: 2003}  # the second was renumbered: its own id is above 255
NAMES = {1: "rex & Co", 2003: "object_2003"}


def labels_of(index: int) -> npt.NDArray[np.uint8]:
    """A frame's label map, with our ids."""
    labels = np.zeros(SIZE, np.uint8)
    labels[10:50, 5 + index : 60 + index] = 1
    labels[25:33, 20 + index : 31 + index] = 0
    if index % 3 != 2:
        labels[60:80, 70:90] = labels[62:89, 100:117] = 4
    return labels


def result_of(frame: Frame) -> SegmentedFrame:
    gone = frame.index % 3 == 2
    return SegmentedFrame(
        frame,
        LabelMap(labels_of(frame.index), (1, 4)),
        np.array([0.9, 0.0 if gone else 0.123456789], np.float32),
        (Presence.PRESENT, Presence.ABSENT if gone else Presence.UNCERTAIN),
        names={1: NAMES[1]},
    )


@dataclass(frozen=True)
class Form:
    """A form that was written, and what it is to hold."""

    path: Path
    clip: Clip
    frames: list[Frame]
    remark: str

    def masks(self, original_id: int) -> list[npt.NDArray[np.bool_]]:
        """The masks of an object, by the reference's id, in every frame."""
        own = {original: i for i, original in IDS.items()}[original_id]
        return [labels_of(frame.index) == own for frame in self.frames]


@pytest.fixture
def written(make_clip: Any, tmp_path: Path) -> Callable[..., Form]:
    """Writes a clip's results in the form of a name."""

    def write(name: str, clip_name: str = "clip.mp4", config: OutputConfig = DEFAULT) -> Form:
        path = make_clip(clip_name, count=COUNT, size=SIZE)
        with open_frames(str(path)) as source:
            clip = Clip.of(source, {4: IDS[4]})
            (writer,) = make_writers(output_paths([name], tmp_path / "out", config), source, clip, config)
            frames = list(source)
            with writer:
                for frame in frames:
                    writer.write(result_of(frame))
        return Form(writer.path, clip, frames, writer.remark)

    return write
