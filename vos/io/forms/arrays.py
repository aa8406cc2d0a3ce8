"""Label maps and scores as NumPy's arrays in one compressed file."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from vos.io.clip import Clip
from vos.io.forms.base import ClipWriter
from vos.io.forms.found import names_in
from vos.structures import PRESENCES, Presence, SegmentedFrame

EPOCH = (1980, 1, 1, 0, 0, 0)  # of all members: the same bytes for the same results


class NpzWriter(ClipWriter):
    """Writes ``numpy.load``'s: for T frames and N objects ``labels`` (T, H, W), ``scores`` and ``presence`` (T, N).

    Labels are uint8, or uint16 and uint32 where the reference's ids need it. ``scores`` are float32. ``presence`` is
    uint8, an index into ``presences``. ``ids`` (N,) and ``names`` (N,) belong to the objects, ``frames`` (T,) names,
    ``indices`` (T,) numbers and ``times`` (T,) seconds to the frames.

    Args:
        path: the file.
        clip: what is said of the clip.
    """

    def __init__(self, path: str | Path, clip: Clip) -> None:
        super().__init__(path, clip)
        self._labels: IO[bytes] | None = None
        self._lengths: list[int] = []  # bytes of each frame's labels on the disk
        self._ids: set[int] = set()
        self._names: dict[int, str] = {}  # by the reference's id
        self._rows: list[tuple[str, int, float, dict[int, tuple[float, int]]]] = []
        self._size = (0, 0)

    def _write(self, segmented: SegmentedFrame) -> None:
        if self._labels is None:
            self._labels = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        packed = zlib.compress(segmented.label_map.labels.tobytes(), 1)
        self._labels.write(packed)
        self._lengths.append(len(packed))
        frame, ids = segmented.frame, segmented.label_map.object_ids
        self._size = frame.size
        self._ids |= set(ids)
        self._names |= names_in(segmented, self.clip)
        found = {
            i: (round(float(score), 6), PRESENCES.index(presence))
            for i, score, presence in zip(ids, segmented.predicted_iou, segmented.presence)
        }
        self._rows.append((frame.name, frame.index, round(frame.time, 6), found))

    def _finish(self) -> None:
        ids, absent = sorted(self._ids), (0.0, PRESENCES.index(Presence.ABSENT))
        found = [[row[3].get(i, absent) for i in ids] for row in self._rows]
        shape, originals = (len(self._rows), len(ids)), [self.clip.original_id(i) for i in ids]
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "ids": np.array(originals, np.int64),
            "names": np.array([self._names[i] for i in originals], np.str_),
            "scores": np.array([[one[0] for one in row] for row in found], np.float32).reshape(shape),
            "presence": np.array([[one[1] for one in row] for row in found], np.uint8).reshape(shape),
            "presences": np.array([presence.value for presence in PRESENCES]),
            "frames": np.array([row[0] for row in self._rows]),
            "indices": np.array([row[1] for row in self._rows], np.int64),
            "times": np.array([row[2] for row in self._rows], np.float64),
        }
        with zipfile.ZipFile(self._temporary(self.path), "w", zipfile.ZIP_DEFLATED) as archive:
            self._write_labels(archive)
            for name, array in arrays.items():
                with _member(archive, name) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)

    def _write_labels(self, archive: zipfile.ZipFile) -> None:
        assert self._labels is not None
        originals = np.zeros(256, np.int64)
        for i in self._ids:
            originals[i] = self.clip.original_id(i)
        kind = np.min_scalar_type(int(originals.max()))
        table = originals.astype(kind)
        header = {
            "descr": np.lib.format.dtype_to_descr(kind),
            "fortran_order": False,
            "shape": (len(self._rows), *self._size),
        }
        self._labels.seek(0)
        with _member(archive, "labels") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for length in self._lengths:
                labels = np.frombuffer(zlib.decompress(self._labels.read(length)), np.uint8)
                file.write(table[labels].tobytes())


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    about = zipfile.ZipInfo(f"{name}.npy", EPOCH)
    about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return archive.open(about, "w", force_zip64=True)
