"""Lists of clips with the options of each: a table, or all videos of a pattern."""

from __future__ import annotations

import csv
import glob
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vos.cli.config import RunConfig
from vos.cli.options import PATHS, check, items_of, list_option
from vos.errors import VosError
from vos.io.readers.live import is_live_address
from vos.option_names import options

NOT_OF_A_CLIP = ("log_file", "preview", "profile")  # options of vos.run that make no sense for one clip of many
VIDEO_SUFFIXES = (
    ".avi",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".mts",
    ".mxf",
    ".ogv",
    ".ts",
    ".webm",
    ".wmv",
)


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
    folder: Path


def read_manifest(path: Path, out: Path) -> list[ManifestClip]:
    """Reads a table of clips: CSV, JSON lines or Parquet, with a row per clip and options as columns.

    Relative paths in it count from its own folder.

    Args:
        path: of the table; its suffix says what it is.
        out: folder of the results of clips that name no ``output_dir``: there the videos' folders are mirrored.

    Raises:
        VosError: it cannot be read, has a column that is no option or a row without a video, or two clips would write
            into one folder.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows, ".parquet": _parquet_rows}
    if path.suffix.lower() not in readers:
        raise VosError(f"manifest={path} is of an unknown kind; give a .csv, .jsonl or .parquet file")
    try:
        rows = list(readers[path.suffix.lower()](path))
    except OSError as error:
        raise VosError(f"manifest={path} cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise VosError(f"manifest={path} is no table of text ({error}); close its quotes, save it as UTF-8") from error
    if not rows:
        raise VosError(f"manifest={path} lists no clip; give a row for each, with the columns video and ref_mask")
    hints, home = dict(options(RunConfig)), path.parent.absolute()
    return _apart([_clip(place, row, hints, home, out) for place, row in rows])


def find_clips(pattern: str, out: Path) -> list[ManifestClip]:
    """Lists the videos of a pattern such as ``footage/**/*.mp4``, or of a folder, in the order of their names.

    Args:
        pattern: of files; a folder stands for all videos in it and below.
        out: folder of the results, in which the videos' folders are mirrored.

    Raises:
        VosError: there is no such file.
    """
    root = Path(glob.escape(pattern) if Path(pattern).is_dir() else pattern)
    if Path(pattern).is_dir():
        names = [str(file) for file in Path(pattern).rglob("*") if file.suffix.lower() in VIDEO_SUFFIXES]
        root = Path(pattern)
    else:
        names = [name for name in glob.glob(pattern, recursive=True) if Path(name).is_file()]  # noqa: PTH207
        while glob.has_magic(str(root)):
            root = root.parent
        root = root.parent if root.is_file() else root
    if not names:
        raise VosError(f"inputs={pattern} finds no video; give a folder or a pattern such as 'footage/**/*.mp4'")
    return _apart([ManifestClip(name, name, (), out / _mirrored(Path(name), root)) for name in sorted(names)])


def _mirrored(video: Path, root: Path) -> Path:
    """Where a video lies below ``root``, without its suffix; of one elsewhere its name alone."""
    video = video if video.is_dir() else video.with_suffix("")
    try:
        return video.absolute().relative_to(root.absolute())
    except ValueError:
        return Path(video.name)


def _apart(clips: Sequence[ManifestClip]) -> list[ManifestClip]:
    """Tells clips apart that differ in the suffix alone: a.mp4 and a.mov; refuses others that would share a folder."""
    shared = Counter(clip.folder for clip in clips)
    clips = [
        clip if shared[clip.folder] == 1 else replace(clip, folder=clip.folder.with_name(Path(clip.video).name))
        for clip in clips
    ]
    first: dict[Path, ManifestClip] = {}
    for clip in clips:
        if (other := first.setdefault(clip.folder, clip)) is not clip:
            raise VosError(f"{other.place} and {clip.place} would write into one folder; give them an output_dir")
    return clips


def _clip(place: str, row: Mapping[str, Any], hints: Mapping[str, Any], home: Path, out: Path) -> ManifestClip:
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
            out = Path(word.partition("=")[2])
        elif name == "video":
            video = word.partition("=")[2]
        else:
            words.append(word)
    folder = out if "output_dir" in given else out / _mirrored(Path(video), home)
    return ManifestClip(place, video, tuple(words), folder)


def _word(name: str, value: Any, hints: Mapping[str, Any], home: Path) -> str:
    """Writes an option as it stands on a command line, with paths that hold in every folder."""
    is_list, is_path = items_of(hints.get(name)) is str, name in PATHS
    if isinstance(value, str) and is_list:
        is_one = is_path and (home / value).exists()
        value = [value] if is_one else [part.strip() for part in value.strip("[]").split(",")]
    if isinstance(value, str):
        return f"{name}={_absolute(value, home) if is_path else value}"
    if is_list and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return list_option(name, [_absolute(part, home) if is_path else part for part in value])
    return f"{name}={json.dumps(value)}"


def _absolute(path: str, home: Path) -> str:
    return path if path.startswith("~") or is_live_address(path) else str(home / path)


Rows = Iterator[tuple[str, Mapping[str, Any]]]


def _csv_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        delimiter = max(",;\t", key=head.count)  # as some countries' spreadsheets write them
        reader = csv.DictReader(file, strict=True, delimiter=delimiter)
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        _check_names(path, reader.fieldnames)
        for row in reader:
            place = f"{path}:{reader.line_num}"
            if None in row:
                raise VosError(f"{place}: there are more cells than columns; put a path with a comma in quotes")
            yield place, {name: cell.strip() for name, cell in row.items() if cell is not None}


def _json_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise VosError(f"{path}:{number} is no JSON ({error}); give an object in each line") from error
            if not isinstance(row, dict):
                raise VosError(f'{path}:{number} is no object; write {{"video": "clip.mp4", "ref_mask": "f0.png"}}')
            yield f"{path}:{number}", row


def _parquet_rows(path: Path) -> Rows:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise VosError(f"manifest={path} needs pyarrow; run: pip install pyarrow, or save it as CSV") from error
    try:
        rows = parquet.read_table(path).to_pylist()
    except ArrowException as error:
        raise VosError(f"manifest={path} is no Parquet table ({str(error).splitlines()[0]})") from error
    return ((f"{path}, row {number}", row) for number, row in enumerate(rows, 1))


def _check_names(path: Path, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1 or not name:
            told = f"has the column {name} {count} times" if name else "has a column without a name"
            raise VosError(f"manifest={path} {told}; each option has one column")
