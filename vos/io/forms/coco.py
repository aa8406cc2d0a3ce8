"""JSON of data sets: COCO's, a list of single masks; YouTube-VIS', a list of tracks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vos.io.clip import Clip
from vos.io.forms.base import FormWriter
from vos.io.forms.found import names_in
from vos.io.writers.spool import Spool
from vos.structures import SegmentedFrame


class JsonForm(FormWriter):
    """Writes one JSON object of a clip."""

    def __init__(self, path: str | Path, clip: Clip) -> None:
        super().__init__(path, clip)
        self._names: dict[int, str] = {}
        self._frames: list[tuple[int, str]] = []  # number in the clip, name of the file
        self._size = (0, 0)

    def _note(self, segmented: SegmentedFrame) -> None:
        """Notes what the heads of both files say of a frame and its objects."""
        frame = segmented.frame
        self._names |= names_in(segmented, self.clip)
        self._frames.append((frame.index, f"{self.clip.name}/{self.clip.file_name(frame.name)}"))
        self._size = frame.size

    def _categories(self) -> list[dict[str, Any]]:
        return [{"id": i, "name": name, "supercategory": "object"} for i, name in sorted(self._names.items())]

    def _picture(self) -> dict[str, int]:
        return {"width": self._size[1], "height": self._size[0]}


class CocoWriter(JsonForm):
    """Writes COCO's instances: a category for each object, whose id is the object's, and a mask wherever it is seen.

    Masks are compressed run lengths. Beside COCO's own keys an annotation has ``score`` and ``track_id``. No other clip
    has the same numbers of images and annotations, so that files can be joined.
    """

    _count = 0

    def _write(self, segmented: SegmentedFrame) -> None:
        self._note(segmented)
        for found in self.objects.visible(segmented):
            self._count += 1
            entry = {
                "id": self.clip.numbered(self._count),
                "image_id": self.clip.numbered(segmented.frame.index),
                "category_id": found.id,
                "segmentation": found.runs.as_coco(),
                "bbox": list(found.runs.box),
                "area": found.runs.area,
                "iscrowd": 0,
                "score": found.score,
                "track_id": found.id,
            }
            begin = '{"annotations":[\n' if self._count == 1 else ",\n"
            self._file.write(begin + _compact(entry))

    def _finish(self) -> None:
        images = [
            {"id": self.clip.numbered(index), **self._picture(), "file_name": name, "frame_index": index}
            for index, name in self._frames
        ]
        self._file.write("\n]" if self._count else '{"annotations":[]')
        self._file.write(f',\n"images":{_compact(images)},\n"categories":{_compact(self._categories())}}}\n')
        super()._finish()


class YoutubeVisWriter(JsonForm):
    """Writes YouTube-VIS' tracks: for each object a list with its mask in every frame, null where it is not seen.

    Masks are compressed run lengths. A track has its object's id: evaluators reserve memory by it. ``score`` is
    the mean over the frames in which the object is seen.
    """

    def __init__(self, path: str | Path, clip: Clip) -> None:
        super().__init__(path, clip)
        self._tracks: dict[int, _Track] = {}

    def _write(self, segmented: SegmentedFrame) -> None:
        before = len(self._frames)
        self._note(segmented)
        for found in self.objects.all(segmented):
            if found.id not in self._tracks:
                self._tracks[found.id] = self._stack.enter_context(_Track())
            track = self._tracks[found.id]
            track.fill(before)
            if found.runs.area:
                track.add(_compact(found.runs.as_coco()), list(found.runs.box), found.runs.area, found.score)

    def _finish(self) -> None:
        names = [name for _, name in self._frames]
        video = {"id": self.clip.number, **self._picture(), "length": len(names), "file_names": names}
        self._file.write(f'{{"videos":{_compact([video])},\n"categories":{_compact(self._categories())},\n')
        self._file.write('"annotations":[')
        for number, (object_id, track) in enumerate(sorted(self._tracks.items())):
            track.fill(len(names))
            about = {
                "id": object_id,
                "video_id": self.clip.number,
                "category_id": object_id,
                "iscrowd": 0,
                **self._picture(),
                "length": len(names),
                "score": track.score,
                "bboxes": track.boxes,
                "areas": track.areas,
            }
            self._file.write(("," if number else "") + "\n" + _compact(about).removesuffix("}") + ',"segmentations":[')
            self._file.writelines(track.runs.joined(","))
            self._file.write("]}")
        self._file.write("\n]}\n")
        super()._finish()


class _Track:
    """What is known of one object up to a frame; its masks wait on the disk."""

    def __init__(self) -> None:
        self.runs = Spool()
        self.boxes: list[list[int] | None] = []
        self.areas: list[int | None] = []
        self._scores: list[float] = []

    def fill(self, frames: int) -> None:
        """Says of all frames up to a number that the object is not seen, where nothing is said yet."""
        while len(self.runs) < frames:
            self._append("null", None, None)

    def add(self, runs: str, box: list[int], area: int, score: float) -> None:
        """Adds a frame in which it is seen."""
        self._append(runs, box, area)
        self._scores.append(score)

    def _append(self, runs: str, box: list[int] | None, area: int | None) -> None:
        self.runs.add(runs)
        self.boxes.append(box)
        self.areas.append(area)

    @property
    def score(self) -> float:
        """Computes the mean score; 0 where it was never seen."""
        return round(sum(self._scores) / len(self._scores), 6) if self._scores else 0.0

    def __enter__(self) -> _Track:
        return self

    def __exit__(self, *error: object) -> None:
        self.runs.__exit__(*error)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
