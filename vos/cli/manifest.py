"""Lists of clips with the options of each: a table, or all videos of a pattern."""

from __future__ import annotations

import glob
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from vos.cli.config import RunConfig
from vos.cli.options import PATHS, check, items_of, list_option
from vos.cli.results_place import ResultsPlace
from vos.cli.table import read_rows
from vos.errors import VosError
from vos.io.readers.base import VIDEO_SUFFIXES
from vos.io.readers.live import is_live_address
from vos.io.remote import is_remote, local_copy
from vos.io.stores import Stored, is_stored
from vos.option_names import known_options

NOT_OF_A_CLIP = ("log_file", "preview", "profile")  # options of vos.run that make no sense for one clip of many


@dataclass(frozen=True)
class ManifestClip:
    """One clip of a list.

    Attributes:
        place: where the list names it, for messages.
        video: file, folder or address.
        words: its own options, as words of a command line.
        folder: of its results.
    """

    place: str
    video: str
    words: tuple[str, ...]
    folder: ResultsPlace


def read_manifest(name: str, out: ResultsPlace) -> list[ManifestClip]:
    """Reads a table of clips: CSV, JSON lines or Parquet, with a row per clip and options as columns.

    Relative paths in it count from its own folder.

    Args:
        name: of the table, a file or an address; its suffix says what it is.
        out: folder of the results of clips that name no ``output_dir``: there the videos' folders are mirrored.

    Raises:
        VosError: it cannot be read, has a column that is no option or a row without a video, or two clips would write
            into one folder.
    """
    path = local_copy(name) if is_remote(name) else Path(name)
    home = name.rpartition("/")[0] if is_remote(name) else str(path.parent.absolute())
    rows = read_rows(path, name)
    if not rows:
        raise VosError(f"manifest={name} lists no clip; give a row for each, with the columns video and ref_mask")
    hints = known_options(RunConfig)
    return _apart([_clip(place, row, hints, home, out) for place, row in rows])


def find_clips(pattern: str, out: ResultsPlace) -> list[ManifestClip]:
    """Lists the videos of a pattern such as ``footage/**/*.mp4``, or of a folder, in the order of their names.

    Args:
        pattern: of files, also in a store; a folder stands for all videos in it and below.
        out: folder of the results, in which the videos' folders are mirrored.

    Raises:
        VosError: there is no such file.
    """
    root = Path(pattern)
    if is_stored(pattern):
        return _stored(pattern, out)
    if root.is_dir():
        names = [str(file) for file in root.rglob("*") if file.suffix.lower() in VIDEO_SUFFIXES]
    else:
        names = [name for name in glob.glob(pattern, recursive=True) if Path(name).is_file()]  # noqa: PTH207
        while glob.has_magic(str(root)):
            root = root.parent
        root = root.parent if root.is_file() else root
    return _listed(pattern, names, str(root), out)


def _stored(pattern: str, out: ResultsPlace) -> list[ManifestClip]:
    """Lists the videos of a pattern, or of a folder, in a store."""
    is_folder = not glob.has_magic(pattern) and not pattern.lower().endswith(VIDEO_SUFFIXES)
    pattern = f"{pattern.rstrip('/')}/**" if is_folder else pattern
    names = Stored.at(pattern).matching()
    names = [name for name in names if not is_folder or name.lower().endswith(VIDEO_SUFFIXES)]
    root = pattern
    while glob.has_magic(root):
        root = root.rpartition("/")[0]
    return _listed(pattern, names, root, out)


def _listed(pattern: str, names: Sequence[str], root: str, out: ResultsPlace) -> list[ManifestClip]:
    if not names:
        raise VosError(f"inputs={pattern} finds no video; give a folder or a pattern such as 'footage/**/*.mp4'")
    return _apart([ManifestClip(name, name, (), out / _mirrored(name, root)) for name in sorted(names)])


def _mirrored(video: str, root: str) -> PurePath:
    """Where a video lies below ``root``, without its suffix; of one elsewhere its name alone."""
    path: PurePath
    if "://" in video:
        path = PurePosixPath(video.partition("?")[0]).with_suffix("")
        root = str(PurePosixPath(root))
    else:
        path = Path(video).absolute()
        path = path if Path(video).is_dir() else path.with_suffix("")
        root = str(Path(root).absolute())
    return path.relative_to(root) if path.is_relative_to(root) else PurePath(path.name)


def _apart(clips: Sequence[ManifestClip]) -> list[ManifestClip]:
    """Tells clips apart that differ in the suffix alone: a.mp4 and a.mov; refuses others that would share a folder."""
    shared = Counter(clip.folder for clip in clips)
    clips = [
        clip if shared[clip.folder] == 1 else replace(clip, folder=clip.folder.renamed(PurePath(clip.video).name))
        for clip in clips
    ]
    first: dict[str, ManifestClip] = {}
    for clip in clips:
        if (other := first.setdefault(clip.folder.full_name, clip)) is not clip:
            raise VosError(f"{other.place} and {clip.place} would write into one folder; give them an output_dir")
    for name, clip in first.items():
        if (outer := next((one for one in map(str, PurePath(name).parents) if one in first), None)) is not None:
            raise VosError(
                f"{clip.place} would write into {clip.folder}, among the results of {first[outer].place} in "
                f"{first[outer].folder}; give them an output_dir beside each other"
            )
    return clips


def _clip(place: str, row: Mapping[str, Any], hints: Mapping[str, Any], home: str, out: ResultsPlace) -> ManifestClip:
    given = {name: value for name, value in row.items() if value not in (None, "", [])}
    if not isinstance(given.get("video"), str):
        raise VosError(f"{place}: there is no video; give its path in the column video")
    words = []
    for name, value in given.items():
        if name in NOT_OF_A_CLIP:
            raise VosError(f"{place}: {name} is no option of one clip; leave the column out")
        try:
            word = _word(name, value, hints, home)
            check(word, RunConfig)
        except VosError as error:
            raise VosError(f"{place}: {error}") from error
        if name == "output_dir":
            out = ResultsPlace.of(word.partition("=")[2])
        elif name == "video":
            video = word.partition("=")[2]
        else:
            words.append(word)
    folder = out if "output_dir" in given else out / _mirrored(video, home)
    return ManifestClip(place, video, tuple(words), folder)


def _word(name: str, value: Any, hints: Mapping[str, Any], home: str) -> str:
    """Writes an option as it stands on a command line, with paths that hold in every folder."""
    is_list, is_path = items_of(hints.get(name)) is str, name in PATHS
    if isinstance(value, str) and is_list:
        is_one = is_path and "://" not in home and (Path(home) / value).exists()
        value = [value] if is_one else [part.strip() for part in value.strip("[]").split(",")]
    if isinstance(value, str):
        return f"{name}={_absolute(value, home) if is_path else value}"
    if is_list and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return list_option(name, [_absolute(part, home) if is_path else part for part in value])
    return f"{name}={json.dumps(value)}"


def _absolute(path: str, home: str) -> str:
    if path.startswith(("~", "/")) or is_live_address(path):
        return path
    return f"{home}/{path}" if "://" in home else str(Path(home) / path)
