"""What was found last in every frame, on the disk: read in any order, replaced frame by frame."""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.geometry import SizeHW
from vos.matting.alpha import soft_masks
from vos.structures import PRESENCES, Frame, LabelMap, Presence, SegmentedFrame

TABLE = "CREATE TABLE IF NOT EXISTS found (position INTEGER PRIMARY KEY, key TEXT, objects BLOB, labels BLOB)"
ROW = np.dtype([("id", "u1"), ("presence", "u1"), ("score", "<f4"), ("rejected", "<f4"), ("area", "<i8")])
Rows = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class FoundFrame:
    """What is known of a frame without its masks.

    Attributes:
        key: what it was found from, see :mod:`vos.session.validity`; "" = a preview, which is going to change.
        rows: of :data:`ROW`, one per object.
    """

    key: str
    rows: Rows


class FoundResults:
    """The latest result of every frame. Safe to use from several threads.

    Args:
        path: of the file, made where it is missing; a damaged one is begun again.
        size: (H, W) of the frames.
    """

    def __init__(self, path: Path, size: SizeHW) -> None:
        self.size, self._lock = size, threading.Lock()
        try:
            self._file, self._frames = _opened(path)
        except sqlite3.Error:
            for one in path.parent.glob(f"{path.name}*"):
                one.unlink()
            self._file, self._frames = _opened(path)

    @property
    def frames(self) -> Mapping[int, FoundFrame]:
        """What is known of each frame, by position; not to be changed."""
        return self._frames

    def put(self, position: int, key: str, result: SegmentedFrame) -> None:
        """Keeps a frame's result instead of an earlier one.

        Raises:
            VosError: it cannot be written.
        """
        ids, labels = result.label_map.object_ids, result.label_map.labels
        rows = np.zeros(len(ids), ROW)
        rows["id"], rows["score"] = ids, result.predicted_iou
        rows["presence"] = [PRESENCES.index(each) for each in result.presence]
        rows["rejected"] = 0 if result.rejected_iou is None else result.rejected_iou
        rows["area"] = np.bincount(labels.ravel(), minlength=256)[list(ids)]
        packed = zlib.compress(labels.tobytes(), 1)
        with self._lock, _telling():
            self._file.execute("REPLACE INTO found VALUES (?, ?, ?, ?)", (position, key, rows.tobytes(), packed))
            self._frames[position] = FoundFrame(key, rows)

    def get(
        self, position: int, frame: Frame, ids: tuple[int, ...], names: Mapping[int, str], quality: str
    ) -> SegmentedFrame:
        """Reads the result of a frame that has one.

        Args:
            position: of the frame.
            frame: itself.
            ids: of the objects that are wanted; one that was not known when it was found is absent.
            names: of those that have one.
            quality: of soft masks, which are made when they are asked for.
        """
        with self._lock, _telling():
            row = self._file.execute("SELECT objects, labels FROM found WHERE position = ?", (position,)).fetchone()
        rows = with_ids(np.frombuffer(row[0], ROW), ids)
        labels = np.frombuffer(zlib.decompress(row[1]), np.uint8).reshape(self.size)
        wanted = np.isin(np.arange(256), (0, *ids))
        if not wanted.take(labels).all():  # an object that is removed by now
            labels = np.where(wanted[labels], labels, np.uint8(0))
        return SegmentedFrame(
            frame=frame,
            label_map=LabelMap(labels, ids),
            predicted_iou=rows["score"].copy(),
            presence=tuple(PRESENCES[k] for k in rows["presence"]),
            names=names,
            soften=partial(soft_masks, labels, ids, frame.rgb, quality),
            rejected_iou=rows["rejected"].copy(),
        )

    def close(self) -> None:
        """Closes the file."""
        with self._lock, suppress(sqlite3.Error):
            self._file.close()


def with_ids(rows: Rows, ids: tuple[int, ...]) -> Rows:
    """Picks the rows of ``ids``, in their order; an object without one is absent."""
    if tuple(rows["id"].tolist()) == ids:
        return rows
    wanted = np.zeros(len(ids), ROW)
    wanted["id"], wanted["presence"] = ids, PRESENCES.index(Presence.ABSENT)
    for row in rows:
        wanted[wanted["id"] == row["id"]] = row
    return wanted


def _opened(path: Path) -> tuple[sqlite3.Connection, dict[int, FoundFrame]]:
    """Opens the file; returns it, and what it says of each frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("PRAGMA synchronous=NORMAL")  # a power failure costs the latest frames, and damages nothing
        file.execute(TABLE)
        rows = file.execute("SELECT position, key, objects FROM found").fetchall()
        return file, {int(at): FoundFrame(str(key), np.frombuffer(blob, ROW)) for at, key, blob in rows}
    except (sqlite3.Error, ValueError) as error:
        file.close()
        raise sqlite3.DatabaseError from error


@contextmanager
def _telling() -> Iterator[None]:
    """Turns what the system says of the file into one line."""
    try:
        yield
    except sqlite3.Error as error:
        raise VosError(f"the session's results cannot be read or written ({error}); is the disk full?") from error
