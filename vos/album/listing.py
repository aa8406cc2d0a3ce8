"""Which photos an album has, and what their results are called."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vos.errors import VosError
from vos.io.images import list_images


@dataclass(frozen=True, slots=True)
class AlbumPhoto:
    """One photo.

    Attributes:
        path: the file.
        key: its path inside the album, "/" between folders, e.g. "trip/IMG_1.jpg".
        name: under which results are written, e.g. "trip/IMG_1"; unique in the album.
    """

    path: Path
    key: str
    name: str

    def identity(self) -> list[int]:
        """Returns size in bytes and time of change: another file has another one."""
        status = self.path.stat()
        return [status.st_size, status.st_mtime_ns]


def list_album(spec: str | Path, exclude: Path | None = None) -> list[AlbumPhoto]:
    """Lists the photos of a folder (nested folders included), a glob pattern or a single file, in natural order.

    Args:
        spec: as :func:`vos.io.images.list_images` takes it.
        exclude: folder of results; what lies in it is no photo of the album, should it lie in the album's folder.

    Raises:
        VosError: there is no photo.
    """
    spec = Path(spec).expanduser()
    root = album_root(spec)
    paths = [path for path in list_images(spec) if exclude is None or not _is_inside(path, exclude)]
    if not paths:
        raise VosError(f"{spec} holds nothing but earlier results; give the folder of the photos")
    keys = [Path(os.path.relpath(path, root)).as_posix() for path in paths]
    return [AlbumPhoto(path, key, name) for path, key, name in zip(paths, keys, result_names(keys))]


def album_root(spec: Path) -> Path:
    """Finds the folder whose tree the results mirror: the album's own, or the part of a pattern without wildcards."""
    if spec.is_dir():
        return spec
    parts = spec.parts[:-1]
    fixed = next((k for k, part in enumerate(parts) if re.search(r"[*?\[]", part)), len(parts))
    return Path(*parts[:fixed])


def album_name(spec: str | Path) -> str:
    """Names the folder of an album's results."""
    root = album_root(Path(spec).expanduser())
    return root.name or root.resolve().name or "album"


def result_names(keys: Sequence[str]) -> list[str]:
    """Drops the keys' suffixes, but where two would be the same (also to a file system that ignores case)."""
    stems = [str(Path(key).with_suffix("").as_posix()) for key in keys]
    count = Counter(stem.casefold() for stem in stems)
    return [stem if count[stem.casefold()] == 1 else key for stem, key in zip(stems, keys)]


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
