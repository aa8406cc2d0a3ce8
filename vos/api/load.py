"""``vos.load``: a folder of results, read back as the iterator that they came from."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vos.api.results import Results
from vos.errors import VosError
from vos.io.atomic import is_whole
from vos.io.clip import Clip
from vos.io.earlier import BEGINNING, read_head
from vos.io.forms.pictures import alpha_path
from vos.io.frames import Conversion, FrameSource, open_frames
from vos.io.masks.label_map import read_labels
from vos.io.masks.run_lengths import read_run_lengths
from vos.io.readers.live import is_live_address
from vos.io.remote import is_remote
from vos.io.writers.choice import KEPT, OUTPUTS, SUMMARY
from vos.io.written import Written
from vos.structures import Frame, LabelMap, Presence, SegmentedFrame, default_name
from vos.video.excerpt import excerpt

LOG = logging.getLogger("vos")


def load(folder: str | Path, video: str | Path | None = None) -> Results:
    """Reads a folder of results, of ``python -m vos.run`` or :func:`vos.write`, as :func:`vos.track` gave them.

        for result in vos.load("outputs/clip"):
            print(result.time, result.labels.max())

    Soft masks are there if the run kept them (``keep=alpha``), pictures if the video is still where it was.

    Args:
        folder: with ``masks/`` or ``rle.json``, and ``summary.json``.
        video: where the video is now; None = where it was.

    Raises:
        VosError: the folder holds no such results, or they are damaged.
    """
    folder = Path(folder).expanduser()
    about, rows = read_summary(folder / SUMMARY)
    masks = kept_masks(folder, about)
    try:
        source: FrameSource = video_of(about, video)
    except VosError:
        if video is not None:
            raise
        source = NoVideo(folder, about)
    return read_results(masks, about, rows, source)


def kept_masks(folder: Path, about: dict[str, Any]) -> Path:
    """Finds what holds the masks in a folder of results; what an earlier run has left there is another's.

    Raises:
        VosError: nothing does.
    """
    for name in ("masks", "rle"):
        if name in about["outputs"] and (path := folder / OUTPUTS[name].file).exists():
            _tell_changes(folder, path, "masks", "scores and presence")
            if "alpha" in about["outputs"]:
                _tell_changes(folder, folder / KEPT["alpha"].file, "soft masks", "hard masks")
            return path
    again = "; the same run with masks added makes them without tracking again" if "alpha" in about["outputs"] else ""
    raise VosError(f"{folder} holds no masks; make it with output=[masks] or output=[rle]{again}")


def _tell_changes(folder: Path, masks: Path, what: str, others: str) -> None:
    """Warns of masks that were changed by hand, which is not known of what the run wrote beside them."""
    with suppress(VosError):  # notes of another program: nothing is known
        if changed := len(Written(folder).changed(masks)):
            what = f"{changed} of the {what} in {masks}" if masks.is_dir() else f"the {what} in {masks}"
            LOG.warning("%s differ from what the run wrote; %s are the run's", what, others)


def _refuse_gap(path: Path) -> None:
    if not is_whole(path):
        raise VosError(f"{path} is missing or empty; the command that made these results writes it anew")


def read_results(masks: Path, about: dict[str, Any], rows: Iterator[dict[str, Any]], source: FrameSource) -> Results:
    """Reads the masks of a folder of results, and what :func:`read_summary` has found beside them.

    Args:
        masks: the folder ``masks``, or ``rle.json``.
        about: what the summary says of the run.
        rows: its frames.
        source: the video, or what stands for it.
    """
    job = _Folder(masks, about, source)
    has_pictures = not isinstance(source, NoVideo)
    files = [("results", masks), ("summary", masks.parent / SUMMARY)]
    return Results(source, partial(job.begin, rows), about, files, has_pictures=has_pictures)


def read_summary(path: Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """Reads ``summary.json``: what it says of the run, and its frames one by one.

    Raises:
        VosError: it is missing or damaged.
    """
    if path.parent.is_file():
        raise VosError(f"{path.parent} is a file; give the folder of the results")
    if not path.is_file():
        raise VosError(f"{path} is missing: there are no finished results in {path.parent}")
    try:
        about = read_head(path)
        (height, width), fps = about["video"]["size"], about["video"]["fps"]
        if not isinstance(about["video"]["path"], str) or min(height, width, fps) <= 0:
            raise ValueError
        if not {"clip", "outputs"} <= about.keys():
            version = (about.get("versions") or {}).get("vos", "before 0.3.0")
            raise VosError(f"{path} is of an older version of vos ({version}), which kept too little; run it again")
        _ = Clip.read(about), list(about["outputs"])
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
                row = json.loads(line.rstrip().removesuffix(","), parse_constant=_refuse_constant)
                _ = str(row["frame"]), int(row["index"]), float(row["time"]), dict(row["objects"])
            except (ValueError, KeyError, TypeError) as error:
                raise VosError(f"{path} is damaged: {line.strip()[:60]}") from error
            yield row
    raise VosError(f"{path} is damaged: it ends amid its frames; move it away and run it again")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def video_of(about: dict[str, Any], video: str | Path | None = None) -> FrameSource:
    """Opens the video that results are of, cut as it was for them.

    Args:
        about: of :func:`read_summary`.
        video: where it is now; None = where it was.

    Raises:
        VosError: it is not there, or another one is.
    """
    config = about.get("config") or {}
    path = about["video"]["path"] if video is None else video
    if is_live_address(str(path)) and not is_remote(str(path)):
        raise VosError(f"{path} is live: its frames are gone")
    conversion = Conversion(config.get("hdr", "tonemap"), config.get("deinterlace", "auto"))
    clip = open_frames(path, config.get("reader", "pyav"), conversion)
    try:
        if clip.is_live:
            raise VosError(f"{path} is live: its frames are gone")
        if Clip.of(clip).digest != Clip.read(about).digest:
            raise VosError(
                f"{path} is another video than the one that these results are of, or was changed; say with video= "
                "where that one is"
            )
        return excerpt(clip, config.get("start"), config.get("end"), config.get("every", 1))
    except BaseException:
        clip.close()
        raise


class NoVideo(FrameSource):
    """Stands for a video that is not there any more, or that nobody needs."""

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
        called = {int(i): str(name) for i, name in (self.about.get("object_names") or {}).items()}
        names = {i: name for i, name in called.items() if name != default_name(i)}  # overlays show what was given
        frames, row = self.source.frames(), None
        coded = None if self.masks.is_dir() else read_run_lengths(self.masks)
        for row in rows:
            frame = self._frame(frames, row)
            yield self._segmented(frame, row["objects"], names, coded)
        if row is None:
            raise VosError(f"{self.masks.parent} holds no frames")

    def _frame(self, frames: Iterator[Frame], row: dict[str, Any]) -> Frame:
        """Finds a row's frame; frames that have no results are passed over."""
        if isinstance(self.source, NoVideo):
            blank = np.broadcast_to(np.zeros(3, np.uint8), (*self.source.size, 3))
            return Frame(row["index"], row["frame"], row["time"], blank)
        for frame in frames:
            if frame.name == row["frame"]:
                return frame
        raise VosError(f"{self.source.path} has no frame {row['frame']}: it is another video, or was changed")

    def _alpha(self, frame: Frame, ids: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Reads the soft masks of a frame, uint8 (N, H, W)."""
        folder, clip = self.masks.parent / KEPT["alpha"].file, Clip.read(self.about)
        alpha = np.empty((len(ids), *frame.size), np.uint8)
        for k, object_id in enumerate(ids):
            path = alpha_path(folder, clip.original_id(object_id), frame.name)
            _refuse_gap(path)
            if (one := read_labels(path)).shape != frame.size:
                raise VosError(f"{path} is {one.shape[0]}x{one.shape[1]}, but its frame is {frame.size} (H, W)")
            alpha[k] = one
        return alpha

    def _segmented(
        self, frame: Frame, objects: dict[str, Any], names: dict[int, str], coded: Iterator[LabelMap] | None
    ) -> SegmentedFrame:
        path = self.masks / f"{frame.name}.png" if coded is None else self.masks
        _refuse_gap(path)
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
                soften=partial(self._alpha, frame, ids) if "alpha" in self.about["outputs"] else None,
            )
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            raise VosError(f"{path} does not fit its frame or {SUMMARY}: {error}") from error
