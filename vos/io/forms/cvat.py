"""XML of CVAT 1.1, for videos and for images."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from vos.io.clip import Clip
from vos.io.forms.base import FormWriter
from vos.io.forms.found import Found, names_in
from vos.io.writers.spool import Spool
from vos.structures import SegmentedFrame

ID = "object_id"  # the attribute


class CvatForm(FormWriter):
    """Writes CVAT's XML: labels are the objects' names; an object's id is an attribute and the group of its masks."""

    mode = ""

    def __init__(self, path: str | Path, clip: Clip) -> None:
        super().__init__(path, clip)
        self._names: dict[int, str] = {}
        self._size = (0, 0)
        self._body = self._stack.enter_context(Spool())

    @abstractmethod
    def _elements(self, segmented: SegmentedFrame) -> Iterable[str]:
        """Makes the lines of a frame."""

    def _write(self, segmented: SegmentedFrame) -> None:
        self._size = segmented.frame.size
        self._names |= names_in(segmented, self.clip)
        for line in self._elements(segmented):
            self._body.add(line)

    def _finish(self) -> None:
        labels = "".join(
            f"<label><name>{escape(name)}</name><attributes><attribute><name>{ID}</name><mutable>False</mutable>"
            f"<input_type>text</input_type><default_value>{i}</default_value><values>{i}</values></attribute>"
            "</attributes></label>\n"
            for i, name in sorted(self._names.items())
        )
        height, width = self._size
        self._file.write(
            f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta><task>'
            f"<name>{escape(self.clip.name)}</name><size>{self.frames_written}</size><mode>{self.mode}</mode>\n"
            f"<labels>\n{labels}</labels>\n"
            f"<original_size><width>{width}</width><height>{height}</height></original_size></task></meta>\n"
        )
        self._file.writelines(self._body.joined("\n"))
        self._file.write("\n</annotations>\n")
        super()._finish()


class CvatVideoWriter(CvatForm):
    """Writes CVAT for video 1.1. Frames have their numbers in the clip.

    CVAT takes but the first shape of a track of masks. So each object has a track in each frame, which ends in the
    next.
    """

    mode = "interpolation"

    def __init__(self, path: str | Path, clip: Clip) -> None:
        super().__init__(path, clip)
        self._count = 0
        self._last: list[Found] = []  # whose tracks end in the next frame, if there is one
        self._last_frame = 0

    def _elements(self, segmented: SegmentedFrame) -> Iterator[str]:
        yield from self._tracks(end=segmented.frame.index)
        self._last, self._last_frame = self.objects.visible(segmented), segmented.frame.index

    def _tracks(self, end: int | None) -> Iterator[str]:
        for found in self._last:
            yield f'<track id="{self._count}" label={quoteattr(found.name)} source="auto" group_id="{found.id}">'
            yield _mask(found, f'frame="{self._last_frame}" keyframe="1" outside="0"')
            if end is not None:
                yield _mask(found, f'frame="{end}" keyframe="1" outside="1"')
            yield "</track>"
            self._count += 1

    def _finish(self) -> None:
        for line in self._tracks(end=None):
            self._body.add(line)
        super()._finish()


class CvatImagesWriter(CvatForm):
    """Writes CVAT for images 1.1: an image for each frame, under the name of its own file."""

    mode = "annotation"

    def _elements(self, segmented: SegmentedFrame) -> Iterator[str]:
        frame, (height, width) = segmented.frame, segmented.frame.size
        name = quoteattr(self.clip.file_name(frame.name))
        yield f'<image id="{frame.index}" name={name} width="{width}" height="{height}">'
        for found in self.objects.visible(segmented):
            yield _mask(found, f'label={quoteattr(found.name)} source="auto" group_id="{found.id}"')
        yield "</image>"


def _mask(found: Found, attributes: str) -> str:
    x, y, width, height = found.runs.box
    runs = ", ".join(map(str, row_runs(found.mask[y : y + height, x : x + width])))
    return (
        f'<mask {attributes} occluded="0" rle="{runs}" left="{x}" top="{y}" width="{width}" height="{height}" '
        f'z_order="0"><attribute name="{ID}">{found.id}</attribute></mask>'
    )


def row_runs(mask: npt.NDArray[np.bool_]) -> list[int]:
    """Counts the runs of a mask, bool (H, W), row by row; the first is of background, perhaps 0."""
    flat = mask.ravel()
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    return [int(count) for count in np.diff(changes, prepend=0, append=flat.size)]
