"""What is known of each finished photo, kept on disk while an album is worked through."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

from vos.album.listing import AlbumPhoto
from vos.io.atomic import atomic_path, is_whole, writing_to
from vos.io.written import NOTES, record_of


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """The results of one photo, as they are on disk.

    Attributes:
        photo: its key.
        identity: see :meth:`AlbumPhoto.identity`.
        fingerprint: of everything that the segmentation depends on: model, concepts, options.
        outputs: output -> [fingerprint of its options, files relative to the results' folder].
        size: (H, W) of the photo.
        objects: one per concept: concept, id, presence, score, box [x, y, width, height] or None, area in pixels,
            instances (score, box, area each).
        crops: rows of the training pictures' metadata, each with its concept.
        root: absolute folder of the album that the photo was in.
        thumbnail: checksum of the thumbnail, of which the contact sheets of later runs are made.
    """

    photo: str
    identity: list[int]
    fingerprint: str
    outputs: dict[str, tuple[str, list[str]]]
    size: tuple[int, int]
    objects: list[dict[str, Any]]
    crops: list[dict[str, Any]] = field(default_factory=list)
    root: str = ""
    thumbnail: int = 0

    @property
    def files(self) -> set[str]:
        """All files of its outputs, relative to the results' folder."""
        return {file for _, files in self.outputs.values() for file in files}


class Records:
    """The records of one album, a file with a line per photo. A context manager.

    A line is added after all files of its photo are complete, so whatever an interruption leaves is valid.

    Args:
        folder: of the album's results; the file is ``.vos/records.jsonl`` in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / NOTES / "records.jsonl"
        self._records = {record.photo: record for record in _read(self._path)}

    def missing(self, photo: AlbumPhoto, fingerprint: str, outputs: dict[str, str]) -> list[str]:
        """Lists the outputs (of output -> fingerprint of its options) that are still to be written for a photo."""
        record = self.get(photo, fingerprint)
        return [name for name, options in outputs.items() if record is None or not self._has(record, name, options)]

    def get(self, photo: AlbumPhoto, fingerprint: str) -> PhotoRecord | None:
        """Returns what is known of a photo, if it is of this photo and segmentation."""
        record = self._records.get(photo.key)
        if record is None or record.fingerprint != fingerprint:
            return None
        try:
            return record if record.identity == photo.identity() else None
        except OSError:  # gone meanwhile, or on a drive that is
            return None

    def forget(self, photos: Sequence[AlbumPhoto]) -> None:
        """Makes these photos unfinished."""
        for photo in photos:
            self._records.pop(photo.key, None)

    def remove_gone(self, root: Path) -> list[str]:
        """Removes the results of photos of the album below ``root`` that are no longer there; returns these photos."""
        mine = str(root.resolve())
        gone = [r for r in self._records.values() if r.root == mine and not os.path.lexists(root / r.photo)]
        for record in gone:
            self._remove(record.files)
            del self._records[record.photo]
        if gone:
            self._file.close()
            self._rewrite()
        return [record.photo for record in gone]

    def _remove(self, files: Iterable[str]) -> None:
        """Removes results; nothing that no run has written."""
        notes = (self.folder / NOTES).resolve()
        for path in (self.folder / file for file in files):
            written = record_of(path)
            is_ours = written is not None and written.wrote(path)
            if path.is_file() and (is_ours or path.resolve().is_relative_to(notes)):
                path.unlink()

    def add(self, photo: AlbumPhoto, record: PhotoRecord) -> None:
        """Adds what was done for a photo; its other outputs of the same segmentation stay, those of another go."""
        if "thumbnails" in record.outputs:
            record = replace(record, thumbnail=checksum(self.folder / record.outputs["thumbnails"][1][0]))
        earlier = self.get(photo, record.fingerprint)
        if earlier is None and (other := self._records.get(photo.key)) is not None:
            self._remove(other.files - record.files)
        if earlier is not None:
            crops = record.crops if "dreambooth" in record.outputs else earlier.crops
            thumbnail = record.thumbnail if "thumbnails" in record.outputs else earlier.thumbnail
            outputs = {**earlier.outputs, **record.outputs}
            record = replace(record, outputs=outputs, crops=crops, thumbnail=thumbnail)
        self._records[record.photo] = record
        with writing_to(self._path):
            self._file.write(_line(record))
            self._file.flush()

    def _has(self, record: PhotoRecord, output: str, options: str) -> bool:
        written = record.outputs.get(output)
        if written is None or written[0] != options or not all(is_whole(self.folder / file) for file in written[1]):
            return False
        return output != "thumbnails" or checksum(self.folder / written[1][0]) == record.thumbnail

    def _rewrite(self) -> None:
        """Writes all records anew, without replaced lines or a last one that was cut off; more can be added to them."""
        with writing_to(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(self._path) as temporary:
                lines = "".join(_line(record) for record in self._records.values())
                temporary.write_text(lines, encoding="ascii")
            self._file = self._path.open("a", encoding="ascii")

    def __enter__(self) -> Self:
        self._rewrite()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with writing_to(self._path) if error is None else suppress(OSError):  # what could not be written still cannot
            self._file.close()


def checksum(path: Path) -> int:
    """Computes the checksum of a small file."""
    return zlib.crc32(path.read_bytes())


def relative_files(paths: Sequence[Path], folder: Path) -> list[str]:
    """Gives the paths of files below ``folder`` as records keep them, relative and with "/"."""
    return [Path(os.path.relpath(path, folder)).as_posix() for path in paths]


def _line(record: PhotoRecord) -> str:
    """Formats a record with a checksum, by which damage is told."""
    text = json.dumps(asdict(record))
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


def _read(path: Path) -> Iterator[PhotoRecord]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        checksum, _, text = line.partition(" ")
        if checksum == f"{zlib.crc32(text.encode()):08x}":  # not cut off by a power failure, nor of before 0.4.0
            with suppress(ValueError, TypeError):  # of a later version: done again
                yield PhotoRecord(**json.loads(text))
