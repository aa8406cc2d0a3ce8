"""Pictures of results: cut-outs and soft masks as PNG, and a small animation."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from vos.io.clip import Clip
from vos.io.config import OutputConfig
from vos.io.forms.base import ClipWriter
from vos.io.readers.base import FrameSource
from vos.io.render import cutout, overlay, union_alpha
from vos.io.writers.base import FolderWriter, Writer
from vos.io.writers.per_object import alone
from vos.structures import SegmentedFrame

SIDE = 360  # pixels, the longer side of an animation
MOST = 120  # its pictures; a longer clip is shown in even steps
LEAST, LONGEST = 0.04, 0.1  # seconds that a picture is shown; of longer steps, the clip runs faster


class SequenceWriter(ClipWriter, FolderWriter):
    """Writes a picture for each frame, of all objects together, or one of each where the pattern has ``{object}``.

    Args:
        path: the folder.
        clip: what is said of the clip.
        config: how results are written.
        source: where the frames come from.
    """

    suffix: ClassVar[str] = ".png"

    def __init__(self, path: str | Path, clip: Clip, config: OutputConfig, source: FrameSource) -> None:
        super().__init__(path, clip)
        self.config, self.source = config, source

    @abstractmethod
    def _save(self, path: Path, segmented: SegmentedFrame) -> None:
        """Writes one picture."""

    def _write(self, segmented: SegmentedFrame) -> None:
        if "{object}" not in self.config.sequence.pattern:
            self._save(self._place(segmented), segmented)
            return
        for object_id in segmented.label_map.object_ids:
            self._save(self._place(segmented, self.clip.original_id(object_id)), alone(segmented, object_id))

    def _place(self, segmented: SegmentedFrame, object_id: int | None = None) -> Path:
        named, frame = self.config.sequence, segmented.frame.name
        if named.first_number is not None:
            frame = f"{named.first_number + self.frames_written:0{named.padding}d}"
        file = named.pattern.format(clip=self.clip.name, object=object_id, frame=frame)
        path = self._folder / f"{file}{self.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class RgbaWriter(SequenceWriter):
    """Writes PNGs of colours and straight alpha."""

    def _save(self, path: Path, segmented: SegmentedFrame) -> None:
        picture = cutout(segmented.frame.rgb, union_alpha(segmented), self.config.matte.decontaminate)
        Image.fromarray(picture).save(path, compress_level=1)


class GrayWriter(SequenceWriter):
    """Writes PNGs of alpha alone, in gray of 8 or 16 bits."""

    def _save(self, path: Path, segmented: SegmentedFrame) -> None:
        alpha = union_alpha(segmented)
        deep = alpha if self.config.sequence.alpha_bits == 8 else alpha.astype(np.uint16) * 257
        Image.fromarray(deep).save(path, compress_level=1)


class AlphaWriter(ClipWriter, FolderWriter):
    """Writes ``<folder>/<object id>/<frame name>.png``: each object's soft mask in gray, without loss."""

    def _write(self, segmented: SegmentedFrame) -> None:
        assert segmented.alpha is not None
        for object_id, alpha in zip(segmented.label_map.object_ids, segmented.alpha):
            path = alpha_path(self._folder, self.clip.original_id(object_id), segmented.frame.name)
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(alpha).save(path, compress_level=1)


def alpha_path(folder: Path, object_id: int, frame: str) -> Path:
    """Says where :class:`AlphaWriter` leaves an object's soft mask."""
    return folder / str(object_id) / f"{frame}.png"


class AnimationWriter(Writer):
    """Writes the overlay as a small GIF or WebP, as the suffix says, that begins anew for ever."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._pictures: list[npt.NDArray[np.uint8]] = []
        self._times: list[float] = []
        self._step = 1  # every how many frames there is a picture

    def _write(self, segmented: SegmentedFrame) -> None:
        if self.frames_written % self._step:
            return
        drawn = overlay(segmented.frame.rgb, segmented.label_map)
        height, width = drawn.shape[:2]
        scale = min(1.0, SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        self._pictures.append(np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), np.uint8))
        self._times.append(segmented.frame.time)
        if len(self._pictures) > 2 * MOST:
            self._thin_out()

    def _thin_out(self) -> None:
        del self._pictures[1::2], self._times[1::2]
        self._step *= 2

    def _finish(self) -> None:
        if len(self._pictures) > MOST:
            self._thin_out()
        steps = np.diff([*self._times, self._times[-1]])
        steps[-1] = steps[-2] if len(steps) > 1 else LONGEST
        milliseconds = [int(value) * 10 for value in (steps.clip(LEAST, LONGEST) * 100).round()]
        first, *rest = (Image.fromarray(picture) for picture in self._pictures)
        with self._temporary(self.path).open("wb") as file:
            first.save(
                file,
                format=self.path.suffix[1:].upper(),
                save_all=True,
                append_images=rest,
                duration=milliseconds if rest else milliseconds[0],
                loop=0,
            )
