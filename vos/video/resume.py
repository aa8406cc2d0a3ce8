"""Keeps what an interrupted run needs to go on: the results so far, and now and then the tracker's state.

Each direction has an append-only file of results and a file of state. The state says how many results were complete
when it was taken; whatever was appended later is cut off on opening. Results are on the disk before the state that
counts them, and both carry checksums: what a power failure has damaged is begun again. The results of the backward
direction are also read from here to be written in order.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
import safetensors.torch
import torch
from typing_extensions import Self

from vos.io.atomic import atomic_path, writing_to
from vos.io.frames import FrameSource
from vos.stages import Prefetch, StageTimes
from vos.structures import PRESENCES, Frame, LabelMap, SegmentedFrame

READ_AHEAD = 4  # frames
_HEADER = struct.Struct("<QI")  # of a result: bytes that follow, their checksum
_DIGEST = 16  # bytes of the hash that a state begins with
_PROGRESS = "/progress"  # among the tensors of a state: frames consumed, results, whether there are no more


class DamagedError(Exception):
    """What an interrupted run has left is not what it wrote."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the tracker is between two frames.

    Attributes:
        consumed: frames that it has seen, 0 at the start.
        state: its state after them, see :meth:`vos.tracking.tracker.Tracker.state`; empty at the start.
        done: whether there are no more.
    """

    consumed: int = 0
    state: Mapping[str, torch.Tensor] = field(default_factory=dict)
    done: bool = False


class SavedDirection:
    """The results of one direction in the order of tracking, and the checkpoint that was saved with them.

    Attributes:
        checkpoint: where the run before this one was interrupted.
        kept: how many results the state on disk vouches for.

    Raises:
        DamagedError: the state or the results that it counts are not as they were written.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._state_path, self._path = folder / f"{name}.state", folder / f"{name}.results"
        self.checkpoint, self.kept = self._load() if self.has_state else (Checkpoint(), 0)
        self._file = self._path.open("a+b")
        self._offsets = [0]
        try:
            for _ in range(self.kept):
                self._offsets.append(self._offsets[-1] + _HEADER.size + len(self._record(len(self))))
        except DamagedError:
            self.close()
            raise
        self._file.truncate(self._offsets[-1])

    def _load(self) -> tuple[Checkpoint, int]:
        """Reads the checkpoint, and how many results there were."""
        data = self._state_path.read_bytes()
        if _digest(data[_DIGEST:]) != data[:_DIGEST]:
            raise DamagedError
        state = safetensors.torch.load(data[_DIGEST:])
        consumed, results, done = state.pop(_PROGRESS).tolist()
        return Checkpoint(consumed, state, bool(done)), results

    def _record(self, index: int) -> bytes:
        """Reads the bytes of the ``index``-th result."""
        self._file.seek(self._offsets[index])
        header = self._file.read(_HEADER.size)
        length, checksum = _HEADER.unpack(header) if len(header) == _HEADER.size else (0, 0)
        rest = os.fstat(self._file.fileno()).st_size - self._file.tell()
        record = self._file.read(length) if 0 < length <= rest else b""
        if not record or zlib.crc32(record) != checksum:
            raise DamagedError
        return record

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def append(self, result: SegmentedFrame) -> None:
        """Adds a frame's result."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "labels": result.label_map.labels,
            "object_ids": np.array(result.label_map.object_ids, np.uint8),
            "predicted_iou": result.predicted_iou,
            "presence": np.array([PRESENCES.index(p) for p in result.presence], np.uint8),
        }
        if result.alpha is not None:
            arrays["alpha"] = np.ascontiguousarray(result.alpha)
        record = zlib.compress(safetensors.numpy.save(arrays), 1)
        with writing_to(self._path):
            self._file.seek(0, 2)
            self._file.write(_HEADER.pack(len(record), zlib.crc32(record)) + record)
        self._offsets.append(self._offsets[-1] + _HEADER.size + len(record))

    def read(self, index: int, frame: Frame) -> SegmentedFrame:
        """Reads the ``index``-th result, which belongs to ``frame``."""
        arrays = safetensors.numpy.load(zlib.decompress(self._record(index)))
        return SegmentedFrame(
            frame=frame,
            label_map=LabelMap(arrays["labels"], tuple(arrays["object_ids"].tolist())),
            predicted_iou=arrays["predicted_iou"],
            presence=tuple(PRESENCES[k] for k in arrays["presence"]),
            alpha=arrays.get("alpha"),
        )

    def save(self, checkpoint: Checkpoint) -> None:
        """Makes everything appended so far permanent, together with the checkpoint that belongs to it."""
        with writing_to(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
        tensors = {name: tensor.detach().clone().contiguous() for name, tensor in checkpoint.state.items()}
        data = safetensors.torch.save(
            {**tensors, _PROGRESS: torch.tensor([checkpoint.consumed, len(self), checkpoint.done])}
        )
        with atomic_path(self._state_path) as path, path.open("wb") as file:
            file.write(_digest(data) + data)
            file.flush()
            os.fsync(file.fileno())
        self.kept = len(self)

    @property
    def has_state(self) -> bool:
        """Says whether there is a state to go on from."""
        return self._state_path.exists()

    def close(self) -> None:
        """Closes the file of results."""
        with suppress(OSError):  # a full disk: what it had no room for belongs to no saved state
            self._file.close()


class ResumeState:
    """A folder with what is saved of both directions of a run; it begins empty if it is of another ``fingerprint``.

    A context manager; on leaving, a folder without any state is deleted.

    Attributes:
        is_damaged: there was something to go on from, and it was damaged: it begins empty, too.
    """

    def __init__(self, folder: Path, fingerprint: str = "") -> None:
        self.folder, self.is_damaged = folder, False
        mark = folder / "fingerprint"
        if folder.exists() and (not mark.exists() or mark.read_bytes() != fingerprint.encode()):
            shutil.rmtree(folder)
        try:
            self._open(mark, fingerprint)
        except DamagedError:
            self.is_damaged = True
            shutil.rmtree(folder)
            self._open(mark, fingerprint)

    def _open(self, mark: Path, fingerprint: str) -> None:
        with writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            mark.write_text(fingerprint)
            self.backward = SavedDirection(self.folder, "backward")
            try:
                self.forward = SavedDirection(self.folder, "forward")
            except DamagedError:
                self.backward.close()
                raise

    @property
    def resumed(self) -> int:
        """Frames that an earlier, interrupted run has tracked."""
        return len(self.backward) + len(self.forward)

    @property
    def kept(self) -> int:
        """Counts the frames that the next run need not track again."""
        return self.backward.kept + self.forward.kept

    def remove(self) -> None:
        """Deletes the folder; the run is complete."""
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.backward.close()
        self.forward.close()
        if not (self.backward.has_state or self.forward.has_state):
            shutil.rmtree(self.folder)
            with suppress(OSError):  # holds something else
                self.folder.parent.rmdir()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()


@contextmanager
def temporary_state() -> Iterator[ResumeState]:
    """Opens a state that nothing goes on from: only to bring the backward direction's results into order."""
    with tempfile.TemporaryDirectory(prefix="vos-") as folder, ResumeState(Path(folder) / "resume") as state:
        yield state


def replay(
    source: FrameSource, start: int, saved: ResumeState, write: Callable[[SegmentedFrame], None], times: StageTimes
) -> None:
    """Writes the results that are saved already, in the order of the frames.

    Args:
        source: the frames, read once more from the first one on.
        start: position of the first reference: what is before it was tracked backward.
        saved: holds the results of all frames before ``start``, and of none or more from there on.
        write: takes a result.
        times: of reading.
    """
    count = start + len(saved.forward)
    if not count:
        return
    with Prefetch(times.each("read", source.frames(0, count)), READ_AHEAD, "read") as frames:
        for position, frame in enumerate(frames):
            if position < start:
                write(saved.backward.read(start - 1 - position, frame))
            else:
                write(saved.forward.read(position - start, frame))
