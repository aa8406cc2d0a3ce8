"""One pass of the tracker on the disk: its results so far, its latest state, and some earlier states.

The file of results is append-only. A state says how many results were complete when it was taken; whatever was
appended later is cut off on opening. Results are on the disk before the state that counts them, and both carry
checksums: what a power failure has damaged is begun again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
import safetensors.torch
import torch

from vos.io.atomic import atomic_path, writing_to
from vos.structures import PRESENCES, Frame, LabelMap, Presence, SegmentedFrame
from vos.video.join import LowResMasks

_HEADER = struct.Struct("<QI")  # of a result: bytes that follow, their checksum
_DIGEST = 16  # bytes of the hash that a state begins with
_PROGRESS = "/progress"  # among the tensors of a state: frames consumed, results, whether there are no more
_ROWS = {"probabilities", "predicted_iou", "presence", "rejected_iou", "alpha"}  # arrays with a row per object
LAYOUT = 2  # of results, another one whenever they hold something else
EARLIER_BYTES = 64 * 1024 * 1024  # of the states to which a correction may go back, besides the latest one ...
EARLIER_MOST = 16  # ... and their number


class DamagedError(Exception):
    """What an interrupted run has left is not what it wrote."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the tracker is between two frames.

    Attributes:
        consumed: frames that it has seen, 0 at the start.
        state: its state after them, see :meth:`vos.tracking.tracker.Tracker.state`; empty at the start, and where it
            is on the disk only.
        done: whether there are no more.
    """

    consumed: int = 0
    state: Mapping[str, torch.Tensor] = field(default_factory=dict)
    done: bool = False


class SavedPass:
    """The results of one pass in the order of tracking, and the checkpoint that was saved with them.

    Args:
        folder: where it is.
        name: of its files.
        keeps_earlier: whether some states before the latest one are kept, too.

    Attributes:
        checkpoint: the latest, without the state.
        kept: how many results the state on disk vouches for.
        seconds: that the latest :meth:`save` took.

    Raises:
        DamagedError: the state or the results that it counts are not as they were written.
    """

    def __init__(self, folder: Path, name: str, keeps_earlier: bool = False) -> None:
        self.name, self.keeps_earlier = name, keeps_earlier
        self._state_path, self._path = folder / f"{name}.state", folder / f"{name}.results"
        self.checkpoint, self.kept, self.seconds = Checkpoint(), 0, 0.0
        if self.has_state:
            _, self.checkpoint, self.kept = _load(self._state_path)
        self._file = self._path.open("a+b")
        self._offsets = [0]
        try:
            for _ in range(self.kept):
                self._offsets.append(self._offsets[-1] + _HEADER.size + len(self._record(len(self))))
        except DamagedError:
            self.close()
            raise
        self._file.truncate(self._offsets[-1])

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

    def append(self, object_ids: Sequence[int], masks: LowResMasks, result: SegmentedFrame | None) -> None:
        """Adds a frame: its N ids, its low-res masks, and its result where that is made already."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "object_ids": np.array(object_ids, np.uint8),
            "probabilities": masks.probabilities,
            "predicted_iou": masks.predicted_iou,
            "presence": np.array([PRESENCES.index(p) for p in masks.presence], np.uint8),
            "rejected_iou": masks.rejected_iou,
        }
        if result is not None:
            arrays["labels"] = result.label_map.labels
            if result.alpha is not None:
                arrays["alpha"] = np.ascontiguousarray(result.alpha)
        record = zlib.compress(safetensors.numpy.save(arrays), 1)
        with writing_to(self._path):
            self._file.seek(0, 2)
            self._file.write(_HEADER.pack(len(record), zlib.crc32(record)) + record)
        self._offsets.append(self._offsets[-1] + _HEADER.size + len(record))

    def _arrays(self, index: int, object_ids: Sequence[int]) -> dict[str, npt.NDArray[Any]]:
        """Reads a record, with a row for each of ``object_ids``; an object that it does not know is absent."""
        arrays = safetensors.numpy.load(zlib.decompress(self._record(index)))
        own = arrays["object_ids"].tolist()
        if list(object_ids) == own:
            return arrays
        known = [k for k, i in enumerate(object_ids) if i in own]
        for name in _ROWS & arrays.keys():
            nothing = PRESENCES.index(Presence.ABSENT) if name == "presence" else 0
            rows = np.full((len(object_ids), *arrays[name].shape[1:]), nothing, arrays[name].dtype)
            rows[known] = arrays[name][[own.index(object_ids[k]) for k in known]]
            arrays[name] = rows
        return arrays | {"object_ids": np.array(object_ids, np.uint8)}

    def masks(self, index: int, object_ids: Sequence[int]) -> LowResMasks:
        """Reads the low-res masks of ``object_ids`` in the ``index``-th result."""
        arrays = self._arrays(index, object_ids)
        return LowResMasks(arrays["probabilities"], arrays["predicted_iou"], _presences(arrays), arrays["rejected_iou"])

    def read(self, index: int, frame: Frame, object_ids: Sequence[int]) -> SegmentedFrame:
        """Reads the ``index``-th result, which belongs to ``frame``, with ``object_ids``."""
        arrays = self._arrays(index, object_ids)
        return SegmentedFrame(
            frame=frame,
            label_map=LabelMap(arrays["labels"], tuple(arrays["object_ids"].tolist())),
            predicted_iou=arrays["predicted_iou"],
            presence=_presences(arrays),
            rejected_iou=arrays["rejected_iou"],
            alpha=arrays.get("alpha"),
        )

    def save(self, checkpoint: Checkpoint) -> None:
        """Makes everything appended so far permanent, together with the checkpoint that belongs to it."""
        begin = time.monotonic()
        with writing_to(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
        tensors = {name: tensor.detach().contiguous() for name, tensor in checkpoint.state.items()}
        data = safetensors.torch.save(
            {**tensors, _PROGRESS: torch.tensor([checkpoint.consumed, len(self), checkpoint.done])}
        )
        with atomic_path(self._state_path) as path, path.open("wb") as file:
            file.write(_digest(data))
            file.write(data)  # tens of megabytes of ten objects: joined first they would be there twice
            file.flush()
            os.fsync(file.fileno())
        self.kept, self.checkpoint = len(self), Checkpoint(checkpoint.consumed, done=checkpoint.done)
        if self.keeps_earlier:
            self._keep_earlier(len(data))
        self.seconds = time.monotonic() - begin

    def _keep_earlier(self, size: int) -> None:
        """Keeps the state that was just saved among the earlier ones, which are thinned out evenly."""
        path = self._earlier_path(self.checkpoint.consumed)
        with suppress(OSError):  # a disk that is full, or knows no second name of a file: corrections redo more
            path.unlink(missing_ok=True)
            os.link(self._state_path, path)
        kept = sorted(self._earlier())
        while len(kept) > max(3, min(EARLIER_MOST, EARLIER_BYTES // size)):
            closest = min(range(1, len(kept) - 1), key=lambda k: kept[k + 1] - kept[k - 1])
            self._earlier_path(kept.pop(closest)).unlink(missing_ok=True)

    def _earlier_path(self, consumed: int) -> Path:
        return self._state_path.with_name(f"{self.name}-{consumed}.state")

    def _earlier(self) -> list[int]:
        """Lists after how many frames the earlier states were taken."""
        found = [path.stem.removeprefix(f"{self.name}-") for path in self._path.parent.glob(f"{self.name}-*.state")]
        return [int(count) for count in found if count.isdecimal()]

    def go_back(self, consumed: int) -> None:
        """Returns to the latest state in which no more than ``consumed`` frames had been seen, or to the start.

        Raises:
            DamagedError: that state is not as it was written.
        """
        if self.checkpoint.consumed <= consumed and not self.checkpoint.done:
            return
        last = max((count for count in self._earlier() if count <= consumed), default=0)
        for count in self._earlier():
            if count > last:
                self._earlier_path(count).unlink()
        self.checkpoint, self.kept = Checkpoint(), 0
        if last:
            _, self.checkpoint, self.kept = _load(self._earlier_path(last))
            with atomic_path(self._state_path) as path:
                shutil.copyfile(self._earlier_path(last), path)
        else:
            self._state_path.unlink()
        del self._offsets[self.kept + 1 :]
        self._file.truncate(self._offsets[-1])

    def state(self) -> Mapping[str, torch.Tensor]:
        """Reads the tracker's latest state; empty at the start."""
        return _load(self._state_path)[0] if self.has_state else {}

    def remove(self) -> None:
        """Closes and deletes the files."""
        self.close()
        self._path.unlink()
        self._state_path.unlink(missing_ok=True)

    @property
    def has_state(self) -> bool:
        """Says whether there is a state to go on from."""
        return self._state_path.exists()

    def close(self) -> None:
        """Closes the file of results."""
        with suppress(OSError):  # a full disk: what it had no room for belongs to no saved state
            self._file.close()


def _load(path: Path) -> tuple[dict[str, torch.Tensor], Checkpoint, int]:
    """Reads a state, the checkpoint that it belongs to, and how many results there were."""
    data = path.read_bytes()
    if _digest(data[_DIGEST:]) != data[:_DIGEST]:
        raise DamagedError
    state = safetensors.torch.load(data[_DIGEST:])
    consumed, results, done = state.pop(_PROGRESS).tolist()
    return state, Checkpoint(consumed, done=bool(done)), results


def _presences(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[Any, ...]:
    return tuple(PRESENCES[k] for k in arrays["presence"])


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()
