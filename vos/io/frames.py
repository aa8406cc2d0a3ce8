"""The door for every input: ``open_frames`` turns what the user typed into a source of frames."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from vos.errors import VosError
from vos.io.images import IMAGE_SUFFIXES, list_images, natural_key, root_of
from vos.io.readers.arrays import NAME, ArraySource
from vos.io.readers.base import FrameSource
from vos.io.readers.folder import FolderSource
from vos.io.readers.live import LiveSource, is_live_address
from vos.io.readers.picture import STANDARD, Conversion
from vos.io.readers.pyav import PyAvSource
from vos.io.remote import RemoteFile, copied, is_remote, look_up

__all__ = ["READERS", "Conversion", "FrameSource", "full_name", "open_frames", "place_of", "refuse_among_frames"]

READERS = ("pyav", "decord")


def open_frames(
    source: str | Path | Iterable[object], reader: str = "pyav", conversion: Conversion = STANDARD
) -> FrameSource:
    """Opens a video file, a folder of images (or a pattern, or one image), a camera, a stream, or pictures in memory.

    A file in a store or on a web server is copied to this disk; what a web server has no length of, or sends only as a
    whole, is a stream.

    Args:
        source: ``clip.mp4``, ``frames/``, ``frames/*.jpg``, ``camera:0``, ``rtsp://...``, ``s3://...``; or uint8
            (H, W, 3) arrays, see :class:`vos.io.readers.arrays.ArraySource`.
        reader: what decodes video files, "pyav" or "decord".
        conversion: how decoded frames become pictures.

    Raises:
        VosError: missing, empty, not a video, no frame decodes, no such camera or reader; one line that says which.
    """
    check_reader(reader)
    if not isinstance(source, (str, Path)):
        return ArraySource(source)
    if not str(source).strip():
        raise VosError("the name of the video is empty; give a video file, a folder of images, camera:0 or a URL")
    source = os.path.expanduser(source)  # noqa: PTH111 - "~nobody" stays as it is
    if is_remote(source) and (file := look_up(source)) is not None:
        return _copied(file, reader, conversion)
    if is_live_address(source) and not os.path.lexists(source):  # a file may be called camera:1
        return LiveSource(source, conversion)
    path = Path(source)
    if path.is_dir():
        return _folder(source)
    if not path.exists() and any(sign in source for sign in "*?["):
        try:
            return FolderSource(source, list_images(source))
        except VosError as error:
            raise VosError(f"video {source} matches no picture; give a video file or 'folder/*.png'") from error
    _refuse_no_file(path)
    return _file(path, source, reader, conversion)


def check_reader(reader: str) -> None:
    """Raises a VosError where there is no such reader."""
    if reader not in READERS:
        raise VosError(f"reader={reader} is unknown; choose one of: {', '.join(READERS)}")


def place_of(source: str) -> Path | None:
    """Finds the file or folder that the frames of a source are read from; None = no file: live, or in memory.

    Args:
        source: its path; of a pattern the part without wildcards is meant.
    """
    if source == NAME or is_live_address(source):
        return None
    path = Path(source)
    return path if path.exists() else root_of(path)


def refuse_among_frames(folder: Path, source: str) -> None:
    """Raises a VosError where results would lie among the frames of a source: pictures would be frames of the next run.

    Args:
        folder: of the results.
        source: path of the frames.
    """
    place = place_of(source)
    if place is not None and place.is_dir() and place.resolve() == folder.resolve():
        raise VosError(f"output_dir={folder} holds the frames of video={source}; choose another output_dir")


def full_name(source: str) -> str:
    """Names a source, wherever one is: the path of a file in full."""
    return source if place_of(source) is None else str(Path(source).resolve())


def _copied(file: RemoteFile, reader: str, conversion: Conversion) -> FrameSource:
    """Opens the copy of a file that lies elsewhere, which stays as long as the source is open."""
    with ExitStack() as stack:
        path = stack.enter_context(copied(file))
        _refuse_no_file(path)
        source = _file(path, file.url, reader, conversion)
        source.holds = stack.pop_all()
        return source


def _file(path: Path, name: str, reader: str, conversion: Conversion) -> FrameSource:
    """Opens an image or a video that the user calls ``name``."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return FolderSource(name, [path])
    if reader == "decord":
        from vos.io.readers.decord import DecordSource  # optional package

        return DecordSource(str(path), conversion, name)
    return PyAvSource(str(path), conversion, name)


def _folder(name: str) -> FolderSource:
    # Not nested: a clip's frames lie in one folder, and DAVIS keeps other clips beside it.
    images = [p for p in Path(name).iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]
    if not images:
        raise VosError(f"{name} holds no images; give a video file or a folder of images")
    return FolderSource(name, sorted(images, key=natural_key))


def _refuse_no_file(path: Path) -> None:
    """Raises a VosError unless ``path`` is a file with something in it: reading a pipe would wait for ever."""
    other = "give a video file, a folder of images, camera:0 or a URL"
    if not path.exists():
        raise VosError(f"video {path} does not exist; {other}")
    if not path.is_file():
        raise VosError(f"video {path} is a pipe or a device; {other}")
    if path.stat().st_size == 0:
        raise VosError(f"video {path} is empty (0 bytes)")
