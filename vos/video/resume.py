"""Keeps what an interrupted run needs to go on: the results so far, and now and then the tracker's state.

Each direction has an append-only file of results and a file of state. The state says how many results were complete
when it was taken; whatever was appended later is cut off on opening. The results of the backward direction are also
read from here to be written in order.
"""

from __future__ import annotations

import json
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
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from typing_extensions import Self

from vos.io.atomic import atomic_path, writing_to
from vos.io.frames import FrameSource
from vos.stages import Prefetch, StageTimes
from vos.structures import PRESENCES, Frame, LabelMap, SegmentedFrame

READ_AHEAD = 4  # frames
_LENGTH = struct.Struct("<Q")


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
    """The results of one direction in the order of tracking, and the latest checkpoint that was saved with them."""

    def __init__(self, folder: Path, name: str) -> None:
        self._state_path = folder / f"{name}.safetensors"
        self.checkpoint, results = Checkpoint(), 0
        if self.has_state:
            with safetensors.safe_open(self._state_path, "pt") as file:
                saved = json.loads(file.metadata()["progress"])
            state, results = safetensors.torch.load_file(self._state_path), saved["results"]
            self.checkpoint = Checkpoint(saved["consumed"], state, saved["done"])
        self._path = folder / f"{name}.results"
        self._file = self._path.open("a+b")
        self._offsets = self._index(results)

    def _index(self, count: int) -> list[int]:
        """Finds where each of the first ``count`` results begins, and the end; cuts off the rest."""
        offsets = [0]
        self._file.seek(0)
        for _ in range(count):
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            offsets.append(self._file.seek(length, 1))
        self._file.truncate(offsets[-1])
        return offsets

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
            self._file.write(_LENGTH.pack(len(record)) + record)
        self._offsets.append(self._offsets[-1] + _LENGTH.size + len(record))

    def read(self, index: int, frame: Frame) -> SegmentedFrame:
        """Reads the ``index``-th result, which belongs to ``frame``."""
        self._file.seek(self._offsets[index])
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        arrays = safetensors.numpy.load(zlib.decompress(self._file.read(length)))
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
        progress = {"consumed": checkpoint.consumed, "done": checkpoint.done, "results": len(self)}
        tensors = {name: tensor.detach().clone().contiguous() for name, tensor in checkpoint.state.items()}
        with atomic_path(self._state_path) as path:
            path.write_bytes(safetensors.torch.save(tensors, {"progress": json.dumps(progress)}))
        self.checkpoint = checkpoint

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
    """

    def __init__(self, folder: Path, fingerprint: str = "") -> None:
        self.folder = folder
        mark = folder / "fingerprint"
        if folder.exists() and (not mark.exists() or mark.read_text() != fingerprint):
            shutil.rmtree(folder)
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            mark.write_text(fingerprint)
            self.backward, self.forward = (SavedDirection(folder, name) for name in ("backward", "forward"))

    @property
    def resumed(self) -> int:
        """Frames that an earlier, interrupted run has tracked."""
        return len(self.backward) + len(self.forward)

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
        start: index of the first reference: what is before it was tracked backward.
        saved: holds the results of all frames before ``start``, and of none or more from there on.
        write: takes a result.
        times: of reading.
    """
    count = start + len(saved.forward)
    if not count:
        return
    with Prefetch(times.each("read", source.frames(0, count)), READ_AHEAD, "read") as frames:
        for frame in frames:
            if frame.index < start:
                write(saved.backward.read(start - 1 - frame.index, frame))
            else:
                write(saved.forward.read(frame.index - start, frame))
