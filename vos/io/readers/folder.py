"""A folder of images as a source of frames."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from vos.errors import VosError
from vos.io.images import read_image
from vos.io.readers.base import SAME_TIME, FrameSource
from vos.structures import Frame

FOLDER_FPS = 24  # DAVIS' rate; images carry no time of their own


class FolderSource(FrameSource):
    """Reads images of one size, each a frame named after its file stem.

    Args:
        path: what the user gave.
        images: the files, in order.

    Raises:
        VosError: two files share a stem (their masks would get one name), or the first cannot be read.
    """

    def __init__(self, path: str, images: Sequence[Path]) -> None:
        stem, uses = Counter(p.stem for p in images).most_common(1)[0]
        if uses > 1:
            clash = " and ".join(p.name for p in images if p.stem == stem)
            raise VosError(f"{path} holds {clash}, whose masks would share one name; keep one image per frame")
        self.path = path
        self.files = tuple(images)
        self.count = len(self.files)
        self.fps = float(FOLDER_FPS)
        self.time_base = Fraction(1, FOLDER_FPS)
        self.duration = self.count / self.fps
        self.size = read_image(self.files[0]).shape[:2]

    def position_at(self, seconds: float) -> int:
        """See :meth:`FrameSource.position_at`."""
        return min(max(0, math.ceil((seconds - SAME_TIME) * FOLDER_FPS)), len(self.files))

    def times(self) -> list[float]:
        """See :meth:`FrameSource.times`."""
        return [index / FOLDER_FPS for index in range(len(self.files))]

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """See :meth:`FrameSource.frames`. A file of another size than the first is a VosError that names it."""
        for index in range(start, min(len(self.files), len(self.files) if stop is None else stop)):
            rgb = read_image(self.files[index])
            if rgb.shape[:2] != self.size:
                raise VosError(
                    f"{self.files[index]} is {rgb.shape[0]}x{rgb.shape[1]}, but {self.files[0].name} is "
                    f"{self.size[0]}x{self.size[1]} (height x width); all frames must have one size"
                )
            yield Frame(index, self.files[index].stem, index / FOLDER_FPS, rgb)
