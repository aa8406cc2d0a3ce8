"""What is known of each finished photo, kept on disk while an album is worked through."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

from vos.album.listing import AlbumPhoto
from vos.io.atomic import atomic_path, writing_to
from vos.io.written import NOTES


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
    """

    photo: str
    identity: list[int]
    fingerprint: str
    outputs: dict[str, tuple[str, list[str]]]
    size: tuple[int, int]
    objects: list[dict[str, Any]]
    crops: list[dict[str, Any]] = field(default_factory=list)


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
        if record is None or record.fingerprint != fingerprint or record.identity != photo.identity():
            return None
        return record

    def forget(self, photos: Sequence[AlbumPhoto]) -> None:
        """Makes these photos unfinished."""
        for photo in photos:
            self._records.pop(photo.key, None)

    def add(self, photo: AlbumPhoto, record: PhotoRecord) -> None:
        """Adds what was done for a photo; its other outputs of the same segmentation stay."""
        earlier = self.get(photo, record.fingerprint)
        if earlier is not None:
            crops = record.crops if "dreambooth" in record.outputs else earlier.crops
            record = replace(record, outputs={**earlier.outputs, **record.outputs}, crops=crops)
        self._records[record.photo] = record
        with writing_to(self._path):
            self._file.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")
            self._file.flush()

    def _has(self, record: PhotoRecord, output: str, options: str) -> bool:
        written = record.outputs.get(output)
        return written is not None and written[0] == options and all((self.folder / f).is_file() for f in written[1])

    def __enter__(self) -> Self:
        with writing_to(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            _write(self._path, self._records.values())  # without replaced lines, or a last one that was cut off
            self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def relative_files(paths: Sequence[Path], folder: Path) -> list[str]:
    """Gives the paths of files below ``folder`` as records keep them, relative and with "/"."""
    return [Path(os.path.relpath(path, folder)).as_posix() for path in paths]


def _read(path: Path) -> Iterable[PhotoRecord]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield PhotoRecord(**json.loads(line))
        except (ValueError, TypeError):  # cut off by a power failure, or of another version: done again
            continue


def _write(path: Path, records: Iterable[PhotoRecord]) -> None:
    with atomic_path(path) as temporary:
        lines = (json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in records)
        temporary.write_text("".join(lines), encoding="utf-8")
