"""A line for each object and frame: MOTS' and MOT's text files, and a table for everybody else."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

from vos.errors import VosError
from vos.io.forms.base import FormWriter
from vos.io.spreadsheet import csv_text
from vos.structures import SegmentedFrame

PEDESTRIAN = 2  # the one class that the MOTS challenge scores: of objects whose ids name no class
CLASS = 1000  # an id of MOTS is class * 1000 + instance
COLUMNS = (
    *("frame", "index", "time", "id", "name", "presence", "score", "area"),
    *("x", "y", "width", "height", "centroid_x", "centroid_y"),
)


class LineForm(FormWriter):
    """Writes lines."""

    @abstractmethod
    def _lines(self, segmented: SegmentedFrame) -> Iterable[str]:
        """Makes the lines of a frame, each with its end."""

    def _write(self, segmented: SegmentedFrame) -> None:
        self._file.writelines(self._lines(segmented))


class MotsWriter(LineForm):
    """Writes MOTS' ``frame id class height width rle``, frames from 1.

    An id from 1000 on is class * 1000 + instance as it stands, as in MOTS' own masks; others become pedestrians.
    """

    def _lines(self, segmented: SegmentedFrame) -> Iterable[str]:
        (height, width), ids = segmented.frame.size, map(self.clip.original_id, segmented.label_map.object_ids)
        numbers = {i: i if i >= CLASS else PEDESTRIAN * CLASS + i for i in ids}
        if len(set(numbers.values())) < len(numbers):
            raise VosError(f"output=mots cannot tell the ids {sorted(numbers)} apart: number them otherwise")
        for found in self.objects.visible(segmented):
            number = numbers[found.id]
            yield f"{segmented.frame.index + 1} {number} {number // CLASS} {height} {width} {found.runs.counts}\n"


class MotWriter(LineForm):
    """Writes MOT's ``frame,id,left,top,width,height,score,-1,-1,-1``: frames and pixels from 1."""

    def _lines(self, segmented: SegmentedFrame) -> Iterable[str]:
        for found in self.objects.visible(segmented):
            x, y, width, height = found.runs.box
            frame = segmented.frame.index + 1
            yield f"{frame},{found.id},{x + 1},{y + 1},{width},{height},{found.score:g},-1,-1,-1\n"


class CsvWriter(LineForm):
    """Writes a table with a row for each object in each frame, absent ones too: their boxes and centroids are empty.

    Pixels count from 0; ``x`` and ``y`` are a box's left and upper pixel.
    """

    def _lines(self, segmented: SegmentedFrame) -> Iterable[str]:
        frame = segmented.frame
        if not self.frames_written:
            yield csv_text([COLUMNS])
        for found in self.objects.all(segmented):
            about = (frame.name, frame.index, f"{frame.time:.6f}", found.id, found.name, found.presence.value)
            place = (*found.runs.box, *(f"{value:.2f}" for value in found.centroid)) if found.runs.area else ("",) * 6
            yield csv_text([(*about, f"{found.score:.6f}", found.runs.area, *place)])
