"""What an interrupted run needs to go on: the results so far, and now and then the tracker's state.

Tracking runs in one or two legs: forward from the first reference, and backward from it; with a second pass each of
them also goes back to where it came from. Each keeps an append-only file of records and a file of state; the state
says how many records were complete when it was taken, and whatever was appended later is cut off on opening. The
legs that go backward are also what brings their results into order.
"""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
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
from vos.structures import PRESENCES, Frame, LabelMap, SegmentedFrame
from vos.tracking.tracked_frame import TrackedFrame, pack, unpack

_LENGTH = struct.Struct("<Q")


class Leg:
    """The records of one direction, in the order of tracking: results, or the first of two passes' answers.

    Attributes:
        consumed: frames that the tracker had seen when the state was last saved, 0 for a fresh leg.
        done: whether the leg reached its end.
        state: the tracker's state after ``consumed`` frames, empty for a fresh leg.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._state_path = folder / f"{name}.safetensors"
        self.consumed, self.done, self.state = 0, False, dict[str, torch.Tensor]()
        results = 0
        if self.saved:
            self.state = safetensors.torch.load_file(self._state_path)
            with safetensors.safe_open(self._state_path, "pt") as file:
                saved = json.loads(file.metadata()["progress"])
            self.consumed, self.done, results = saved["consumed"], saved["done"], saved["results"]
        self._path = folder / f"{name}.results"
        self._file = self._path.open("a+b")
        self._offsets = self._index(results)

    def _index(self, count: int) -> list[int]:
        """Where each of the first ``count`` records begins, and the end; cuts off the rest."""
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
        self._append(arrays)

    def append_answer(self, tracked: TrackedFrame) -> None:
        """Adds a frame's answer, still at low resolution, for a second pass to read."""
        self._append(pack(tracked))

    def _append(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        record = zlib.compress(safetensors.numpy.save(arrays), 1)
        with writing_to(self._path):
            self._file.seek(0, 2)
            self._file.write(_LENGTH.pack(len(record)) + record)
        self._offsets.append(self._offsets[-1] + _LENGTH.size + len(record))

    def read(self, index: int, frame: Frame) -> SegmentedFrame:
        """The ``index``-th result, on its frame."""
        arrays = self._read(index)
        return SegmentedFrame(
            frame=frame,
            label_map=LabelMap(arrays["labels"], tuple(arrays["object_ids"].tolist())),
            predicted_iou=arrays["predicted_iou"],
            presence=tuple(PRESENCES[k] for k in arrays["presence"]),
            alpha=arrays.get("alpha"),
        )

    def read_answer(self, index: int) -> TrackedFrame:
        """The ``index``-th answer."""
        return unpack(self._read(index))

    def _read(self, index: int) -> dict[str, npt.NDArray[Any]]:
        self._file.seek(self._offsets[index])
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        return safetensors.numpy.load(zlib.decompress(self._file.read(length)))

    def save_state(self, state: Mapping[str, torch.Tensor], consumed: int, done: bool = False) -> None:
        """Makes everything appended so far permanent, together with the state that belongs to it."""
        with writing_to(self._path):
            self._file.flush()
        progress = json.dumps({"consumed": consumed, "done": done, "results": len(self)})
        with atomic_path(self._state_path) as path:
            tensors = {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}
            path.write_bytes(safetensors.torch.save(tensors, {"progress": progress}))
        self.state, self.consumed, self.done = tensors, consumed, done

    @property
    def saved(self) -> bool:
        """Whether there is a state to go on from."""
        return self._state_path.exists()

    def close(self) -> None:
        """Closes the file of results."""
        with suppress(OSError):  # a full disk: what it had no room for belongs to no saved state
            self._file.close()


class Journal:
    """A folder with the legs of one run: out from the first reference, and with a second pass back to it.

    A context manager; on leaving, a folder without any state is deleted.
    """

    def __init__(self, folder: Path, fingerprint: str = "") -> None:
        """Opens the journal of a run, or begins a new one where there is none with this fingerprint."""
        self.folder = folder
        mark = folder / "fingerprint"
        if folder.exists() and (not mark.exists() or mark.read_text() != fingerprint):
            shutil.rmtree(folder)
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            mark.write_text(fingerprint)
            self.backward, self.forward = Leg(folder, "backward"), Leg(folder, "forward")
            self.backward_return, self.forward_return = Leg(folder, "backward_return"), Leg(folder, "forward_return")
        self._legs = (self.backward, self.backward_return, self.forward, self.forward_return)

    @property
    def resumed(self) -> int:
        """Frames that an earlier, interrupted run has tracked, once for each pass."""
        return sum(len(leg) for leg in self._legs)

    def remove(self) -> None:
        """Deletes the folder; the run is complete."""
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for leg in self._legs:
            leg.close()
        if not any(leg.saved for leg in self._legs):
            shutil.rmtree(self.folder)
            with suppress(OSError):  # holds something else
                self.folder.parent.rmdir()
