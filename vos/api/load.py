"""``vos.load``: a folder of results, read back as the iterator that they came from."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vos.api.results import Results
from vos.errors import VosError
from vos.io.frames import Conversion, FrameSource, open_frames
from vos.io.masks.label_map import read_labels
from vos.io.masks.run_lengths import read_run_lengths
from vos.io.writers.choice import OUTPUTS, SUMMARY
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame

BEGINNING = '  "frames": ['  # the line of summary.json after which each line is a frame's


def load(folder: str | Path, video: str | Path | None = None) -> Results:
    """Reads a folder of results, of ``python -m vos.run`` or :func:`vos.write`, as :func:`vos.track` gave them.

        for result in vos.load("outputs/clip"):
            print(result.time, result.labels.max())

    Soft masks are not kept in such a folder. Pictures come from the video, if it is still where it was.

    Args:
        folder: with ``masks/`` or ``rle.json``, and ``summary.json``.
        video: where the video is now; None = where it was.

    Raises:
        VosError: the folder holds no such results, or they are damaged.
    """
    folder = Path(folder).expanduser()
    about, rows = read_summary(folder / SUMMARY)
    kept = [folder / OUTPUTS[name] for name in ("masks", "rle") if (folder / OUTPUTS[name]).exists()]
    if not kept:
        raise VosError(f"{folder} holds no masks; make it with output=[masks] or output=[rle]")
    source = _source(folder, about, video)
    job = _Folder(kept[0], about, source)
    files = [("results", path) for path in kept]
    return Results(source, partial(job.begin, rows), about, files, has_pictures=not isinstance(source, _NoVideo))


def read_summary(path: Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """Reads ``summary.json``: what it says of the run, and its frames one by one.

    Raises:
        VosError: it is missing or damaged.
    """
    if not path.is_file():
        raise VosError(f"{path} is missing: there are no finished results in {path.parent}")
    head, has_frames = [], False
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if has_frames := line.rstrip() == BEGINNING:
                    break
                head.append(line)
        about = json.loads("".join(head).rstrip().removesuffix(",") + "}")
        (height, width), fps = about["video"]["size"], about["video"]["fps"]
        if not has_frames or not isinstance(about["video"]["path"], str) or min(height, width, fps) <= 0:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VosError(f"{path} is no summary of a video's results, or damaged") from error
    return about, _rows(path)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.rstrip() == BEGINNING:
                break
        for line in file:
            if line.strip() == "]":
                return
            try:
                row = json.loads(line.rstrip().removesuffix(","))
                _ = str(row["frame"]), float(row["time"]), dict(row["objects"])
            except (ValueError, KeyError, TypeError) as error:
                raise VosError(f"{path} is damaged: {line.strip()[:60]}") from error
            yield row


def _source(folder: Path, about: dict[str, Any], video: str | Path | None) -> FrameSource:
    """Opens the video, or what stands for it."""
    config = about.get("config") or {}
    path = about["video"]["path"] if video is None else video
    conversion = Conversion(config.get("hdr", "tonemap"), config.get("deinterlace", "auto"))
    try:
        source = open_frames(path, config.get("reader", "pyav"), conversion)
        if source.is_live:
            source.close()
            raise VosError(f"{path} is live: its frames are gone")
    except VosError:
        if video is not None:
            raise
        return _NoVideo(folder, about)
    return source


class _NoVideo(FrameSource):
    """Stands for a video that is not there any more."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.path, self.count = str(folder), None
        self.size = (int(about["video"]["size"][0]), int(about["video"]["size"][1]))
        self.fps = float(about["video"]["fps"])
        self.time_base = Fraction(1, 90_000)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """See :meth:`FrameSource.frames`; there are none."""
        return iter(())


@dataclass(frozen=True)
class _Folder:
    """The masks of a run, and the frames that they belong to."""

    masks: Path
    about: dict[str, Any]
    source: FrameSource

    def begin(
        self, rows: Iterator[dict[str, Any]], with_alpha: bool
    ) -> AbstractContextManager[Iterable[SegmentedFrame]]:
        """Begins to read."""
        return closing(self._read(rows))

    def _read(self, rows: Iterator[dict[str, Any]]) -> Generator[SegmentedFrame, None, None]:
        names = {int(i): str(name) for i, name in (self.about.get("object_names") or {}).items()}
        frames, index = self.source.frames(), -1
        coded = None if self.masks.is_dir() else read_run_lengths(self.masks)
        for index, row in enumerate(rows):
            frame = self._frame(frames, index, row)
            yield self._segmented(frame, row["objects"], names, coded)
        if index < 0:
            raise VosError(f"{self.masks.parent} holds no frames")

    def _frame(self, frames: Iterator[Frame], index: int, row: dict[str, Any]) -> Frame:
        """Finds a row's frame: the clip's frames that were left out are passed over."""
        if isinstance(self.source, _NoVideo):
            blank = np.broadcast_to(np.zeros(3, np.uint8), (*self.source.size, 3))
            return Frame(int(row["frame"]) if row["frame"].isdigit() else index, row["frame"], row["time"], blank)
        for frame in frames:
            if frame.name == row["frame"]:
                return frame
        raise VosError(f"{self.source.path} has no frame {row['frame']}: it is another video, or was changed")

    def _segmented(
        self, frame: Frame, objects: dict[str, Any], names: dict[int, str], coded: Iterator[LabelMap] | None
    ) -> SegmentedFrame:
        path = self.masks / f"{frame.name}.png" if coded is None else self.masks
        try:
            ids = tuple(sorted(int(i) for i in objects))
            found = [objects[str(i)] for i in ids]
            labels = read_labels(path) if coded is None else next(coded).labels
            return SegmentedFrame(
                frame,
                LabelMap(labels, ids),
                np.array([one["predicted_iou"] for one in found], np.float32),
                tuple(Presence(one["presence"]) for one in found),
                names=names,
            )
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            raise VosError(f"{path} does not fit its frame or {SUMMARY}: {error}") from error
