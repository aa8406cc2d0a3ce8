"""Which photos an album has, and what their results are called."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vos.errors import VosError
from vos.io.images import find_paths, is_image, list_images, natural_key, root_of
from vos.io.written import Written, holds_results


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


@dataclass(frozen=True, slots=True)
class Album:
    """The photos of an album, and what lies beside them.

    Attributes:
        photos: in natural order.
        left_out: what was found but is no photo of the album, counted by the reason.
    """

    photos: list[AlbumPhoto]
    left_out: dict[str, int]

    def describe_left_out(self) -> str:
        """Says in a line what was left out; "" if nothing was."""
        return ", ".join(f"{count} {why}" for why, count in sorted(self.left_out.items()))


def list_album(spec: str | Path, exclude: Path | None = None) -> Album:
    """Lists the photos of a folder (nested folders included), a glob pattern or a single file, in natural order.

    Results of an earlier run, of albums or videos, are no photos of an album in whose folder they lie.

    Args:
        spec: as :func:`vos.io.images.list_images` takes it.
        exclude: folder of this run's results.

    Raises:
        VosError: there is no photo, or the album lies among the results.
    """
    spec = Path(spec).expanduser()
    root, is_results = root_of(spec), lru_cache(maxsize=None)(holds_results)
    if exclude is not None and _is_inside(root, exclude):
        raise VosError(f"the album {spec} lies in output_dir={exclude}, among the results; choose another output_dir")
    own = Written(root) if is_results(root) else None  # a run may have written its results among the photos
    paths, left_out = [], Counter[str]()
    for path in find_paths(spec):
        inside = any(is_results(folder) for folder in path.parents if root in folder.parents)
        if inside or (own is not None and own.wrote(path)) or (exclude is not None and _is_inside(path, exclude)):
            left_out.update(["in earlier results"] * is_image(path))
        elif is_image(path):
            paths.append(path)
        else:
            left_out.update(_why_not(path))
    if not paths and left_out["in earlier results"]:
        raise VosError(f"{spec} holds nothing but earlier results; give the folder of the photos")
    if not paths:
        list_images(spec)  # says that there is none
    paths.sort(key=natural_key)
    keys = [Path(os.path.relpath(path, root)).as_posix() for path in paths]
    photos = [AlbumPhoto(path, key, name) for path, key, name in zip(paths, keys, result_names(keys))]
    return Album(photos, dict(left_out))


def album_name(spec: str | Path) -> str:
    """Names the folder of an album's results."""
    root = root_of(Path(spec).expanduser())
    return root.name or root.resolve().name or "album"


def result_names(keys: Sequence[str]) -> list[str]:
    """Drops the keys' suffixes, but where two would be the same (also to a file system that ignores case)."""
    names = [Path(key).with_suffix("").as_posix() for key in keys]
    while True:
        count = Counter(name.casefold() for name in names)
        apart = [name if count[name.casefold()] == 1 else key for name, key in zip(names, keys)]
        if apart == names:
            return names
        names = apart


def _why_not(path: Path) -> list[str]:
    """Says what a path is that is no photo; nothing of a folder, whose files speak for themselves."""
    if path.is_dir():
        return ["linked folder"] * path.is_symlink()
    if not path.exists():
        return ["broken link"]
    return [path.suffix.lower() or "without a suffix"] if path.is_file() else ["no regular file"]


def _is_inside(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))  # takes links to themselves
