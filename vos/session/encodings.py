"""Encodings of frames on the disk, so that a correction pays no encoder; bounded, and bit for bit what was encoded."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.torch
import torch
from safetensors import SafetensorError

from vos.errors import VosError
from vos.geometry import Geometry
from vos.io.atomic import atomic_path, remove_leftovers
from vos.sam.segmenter import Segmenter, model_record
from vos.structures import ImageEmbedding

SUFFIX = ".encoding"
RECENT = 4  # batches that are also kept in memory
CHECK = 4  # bytes of the checksum that a file begins with


class EncodingCache:
    """The encodings of batches of pictures, found by their content. Safe to use from several threads.

    Where there is no room, only those give way that were not used for a while: a clip is gone through from its start
    again and again, and of one that is too long, what was used longest ago would always be what is wanted next.

    Args:
        folder: where they are; made where it is missing.
        limit: bytes that they may take.
        patience: batches that are asked for until one that was not among them gives way.
    """

    def __init__(self, folder: Path, limit: int, patience: int) -> None:
        self.folder, self.limit, self.patience = folder, limit, patience
        self._lock, self._count = threading.Lock(), 0
        self._recent: dict[str, list[ImageEmbedding]] = {}
        remove_leftovers(folder, [f"*{SUFFIX}"])
        self._sizes = {path.name: path.stat().st_size for path in folder.glob(f"*{SUFFIX}")}
        self._used = dict.fromkeys(self._sizes, 0)  # when, those that were used longest ago first
        while self.size > limit:
            self._forget(next(iter(self._sizes)))

    @property
    def size(self) -> int:
        """Counts the bytes that they take."""
        return sum(self._sizes.values())

    def encode(self, model: Segmenter, images: Sequence[npt.NDArray[np.uint8]]) -> list[ImageEmbedding]:
        """Encodes pictures of one size in one batch, or finds what was made of the same batch before."""
        geometry = model.geometry((images[0].shape[0], images[0].shape[1]))
        name = _name(model, geometry, images)
        with self._lock:
            self._count += 1
            found = self._recent.pop(name, None) or self._read(name, geometry, model.device)
            if found is None:
                found = model.encode(images)
                self._write(name, found)
            if self._used.pop(name, None) is not None:
                self._used[name] = self._count
            self._recent[name] = found
            while len(self._recent) > RECENT:
                del self._recent[next(iter(self._recent))]
            return found

    def _read(self, name: str, geometry: Geometry, device: torch.device) -> list[ImageEmbedding] | None:
        """Reads a batch; None where there is none, or it is damaged."""
        if name not in self._sizes:
            return None
        try:
            data = (self.folder / name).read_bytes()
            if zlib.crc32(data[CHECK:]) != int.from_bytes(data[:CHECK], "little"):
                raise ValueError
            tensors = safetensors.torch.load(data[CHECK:])
        except (OSError, ValueError, SafetensorError):
            self._forget(name)
            return None
        batch: dict[int, dict[int, torch.Tensor]] = {}
        for key, packed in tensors.items():
            image, level, order = _parts(key)
            batch.setdefault(image, {})[level] = _unpacked(packed, order).to(device)
        levels = [[each[level] for level in sorted(each)] for _, each in sorted(batch.items())]
        return [ImageEmbedding(features, geometry, tuple(rest)) for features, *rest in levels]

    def _write(self, name: str, embeddings: Sequence[ImageEmbedding]) -> None:
        """Keeps a batch, unless there is no room for it or it could not be read back as it is."""
        tensors = {}
        for image, each in enumerate(embeddings):
            for level, tensor in enumerate((each.features, *each.levels)):
                order = sorted(range(tensor.ndim), key=lambda axis: -tensor.stride()[axis])
                packed = tensor.permute(order).contiguous()
                if _unpacked(packed, order).stride() != tensor.stride():
                    return
                tensors[f"{image}.{level}.{''.join(map(str, order))}"] = packed.cpu()
        data = safetensors.torch.save(tensors)
        if not self._make_room(CHECK + len(data)):
            return
        with suppress(VosError), atomic_path(self.folder / name) as path:  # a full disk: it is encoded again
            path.write_bytes(zlib.crc32(data).to_bytes(CHECK, "little") + data)
            self._sizes[name], self._used[name] = CHECK + len(data), self._count

    def _make_room(self, size: int) -> bool:
        """Removes what is in the way of ``size`` further bytes and may go; returns whether there is room now."""
        while self.size + size > self.limit:
            oldest = next(iter(self._used), None)
            if oldest is None or self._count - self._used[oldest] <= self.patience:
                return False
            self._forget(oldest)
        return True

    def _forget(self, name: str) -> None:
        del self._sizes[name], self._used[name]
        with suppress(OSError):
            (self.folder / name).unlink()


def _name(model: Segmenter, geometry: Geometry, images: Sequence[npt.NDArray[np.uint8]]) -> str:
    """Names the file of a batch by all that its bits depend on."""
    about = (sorted(model_record(model).items()), str(model.device), torch.get_num_threads(), str(geometry))
    digest = hashlib.blake2b(repr(about).encode(), digest_size=16)
    for image in images:
        digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest() + SUFFIX


def _parts(key: str) -> tuple[int, int, list[int]]:
    image, level, order = key.split(".")
    return int(image), int(level), [int(axis) for axis in order]


def _unpacked(packed: torch.Tensor, order: Sequence[int]) -> torch.Tensor:
    """Lays a tensor out as it was: kernels, and so the last bits, depend on it."""
    return packed.permute([order.index(axis) for axis in range(packed.ndim)])
