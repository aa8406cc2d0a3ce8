"""The index of an archive: what the encoder saw in each picture, kept on disk, so that the next search is quick.

Two files: ``encodings.bin``, eight-bit unit features of one picture after the other, mapped into memory when read; and
``encodings.jsonl``, a line for each source with where its pictures lie. A line comes after its bytes, so whatever
an interruption leaves is valid.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from typing_extensions import Self

from vos.find.pictures import Source
from vos.io.atomic import atomic_path, writing_to
from vos.structures import ImageEmbedding

BYTES, LINES = "encodings.bin", "encodings.jsonl"
LEVELS = 127.0  # of an eight-bit number, for 1
GIGABYTE = 10**9


@dataclass(frozen=True, slots=True)
class Entry:
    """A source in the index.

    Attributes:
        source: its path.
        identity: see :meth:`vos.find.pictures.Source.identity`.
        times: of its pictures, seconds; None for a photo.
        grid: of its pictures' features: channels, rows, columns.
        offset: of the first picture's bytes.
    """

    source: str
    identity: tuple[int, int]
    times: tuple[float | None, ...]
    grid: tuple[int, int, int]
    offset: int

    @property
    def size(self) -> int:
        """Bytes of its pictures."""
        return len(self.times) * int(np.prod(self.grid))


class EncodingIndex:
    """The encodings of one archive by one model. A context manager.

    Args:
        folder: of the two files.
        model: fingerprint of the encoder; what another one has made is forgotten.
        limit: gigabytes that the index may take.
    """

    def __init__(self, folder: Path, model: str, limit: float) -> None:
        self.folder, self.model, self.limit = folder, model, int(limit * GIGABYTE)
        bytes_there = (folder / BYTES).stat().st_size if (folder / BYTES).is_file() else 0
        entries = [entry for entry in _read(folder / LINES, model) if entry.offset + entry.size <= bytes_there]
        self._entries = {entry.source: entry for entry in entries}
        self._end = max((entry.offset + entry.size for entry in entries), default=0)

    def get(self, source: Source) -> Entry | None:
        """Returns a source's entry, if the file is still the same."""
        entry = self._entries.get(str(source.path))
        return entry if entry is not None and entry.identity == source.identity() else None

    @property
    def is_full(self) -> bool:
        """Nothing more is added."""
        return self._end >= self.limit

    @property
    def size(self) -> int:
        """Bytes that the encodings take."""
        return self._end

    def add(self, source: Source, times: list[float | None], features: list[npt.NDArray[np.int8]]) -> Entry:
        """Adds a source's pictures, each int8 (C, h, w) of one grid, see :func:`packed`.

        Raises:
            VosError: the disk is full, or the place cannot be written.
        """
        channels, rows, columns = features[0].shape if features else (0, 0, 0)
        entry = Entry(str(source.path), source.identity(), tuple(times), (channels, rows, columns), self._end)
        with writing_to(self.folder / BYTES):
            self._bytes.seek(self._end)
            for each in features:
                self._bytes.write(each.tobytes())
            self._bytes.flush()
            self._lines.write(_line(entry))
            self._lines.flush()
        self._entries[entry.source], self._end = entry, self._end + entry.size
        return entry

    def features(self, entry: Entry) -> npt.NDArray[np.int8]:
        """Maps a source's pictures into memory: int8 (P, C, h, w)."""
        shape = (len(entry.times), *entry.grid)
        if entry.size == 0:
            return np.zeros(shape, np.int8)
        return np.memmap(self.folder / BYTES, np.int8, "r", entry.offset, shape)

    def __enter__(self) -> Self:
        with writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(self.folder / LINES) as path:
                path.write_text(_head(self.model) + "".join(map(_line, self._entries.values())), encoding="ascii")
            (self.folder / BYTES).touch()
            self._bytes = (self.folder / BYTES).open("r+b")
            self._bytes.truncate(self._end)
            self._lines = (self.folder / LINES).open("a", encoding="ascii")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._bytes, self._lines):
            with writing_to(self.folder) if error is None else suppress(OSError):
                file.close()


def packed(embedding: ImageEmbedding) -> npt.NDArray[np.int8]:
    """Packs what an index keeps of a picture: its cells as unit features, int8 (C, h, w), without padding."""
    rows, columns = embedding.geometry.image_grid_size
    unit = F.normalize(embedding.features[:, :rows, :columns].float(), dim=0)
    return np.asarray((unit * LEVELS).round().to(torch.int8).cpu().numpy())


def _head(model: str) -> str:
    return json.dumps({"model": model}) + "\n"


def _line(entry: Entry) -> str:
    text = json.dumps(asdict(entry))
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


def _read(path: Path, model: str) -> Iterator[Entry]:
    """Reads the lines that are whole, of this model."""
    if not path.is_file():
        return
    head, *lines = path.read_text(encoding="ascii", errors="replace").split("\n")
    if head + "\n" != _head(model):
        return
    for line in lines:
        checksum, _, text = line.partition(" ")
        if checksum == f"{zlib.crc32(text.encode()):08x}":
            with suppress(ValueError, TypeError, KeyError):
                yield _entry(json.loads(text))


def _entry(told: Mapping[str, list[int] | str | int]) -> Entry:
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Entry(**values)  # type: ignore[arg-type]
