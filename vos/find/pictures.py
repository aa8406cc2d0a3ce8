"""What an archive holds: photos, and the key frames of videos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vos.errors import VosError
from vos.io.images import find_paths, list_images, natural_key, read_image
from vos.io.readers.base import VIDEO_SUFFIXES
from vos.io.readers.key_frames import key_frames


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the archive.

    Attributes:
        path: absolute.
        is_video: its key frames are the pictures.
    """

    path: Path
    is_video: bool

    def identity(self) -> tuple[int, int]:
        """Returns size in bytes and time of change: another file has another one.

        Raises:
            VosError: the file is gone, or cannot be reached.
        """
        try:
            status = self.path.stat()
        except OSError as error:
            raise VosError(f"{self.path} cannot be read ({error.strerror or error})") from error
        return status.st_size, status.st_mtime_ns

    def pictures(self) -> Iterator[tuple[float | None, npt.NDArray[np.uint8]]]:
        """Yields the pictures, uint8 (H, W, 3) RGB, each with its time in seconds, None for a photo.

        Raises:
            VosError: the file cannot be read.
        """
        if not self.is_video:
            yield None, read_image(self.path)
            return
        for frame in key_frames(self.path):
            yield frame.time, frame.rgb

    def picture(self, time: float | None) -> npt.NDArray[np.uint8]:
        """Reads one of the pictures again.

        Raises:
            VosError: the file cannot be read, or has no picture there.
        """
        if time is None:
            return read_image(self.path)
        frame = next(key_frames(self.path, time), None)
        if frame is None or abs(frame.time - time) > 1e-3:
            raise VosError(f"{self.path} has no key frame at {time:.3f} s any more")
        return frame.rgb


def list_sources(images: Sequence[str], videos: Sequence[str]) -> list[Source]:
    """Lists photos, then videos, each in natural order; a file that several patterns find comes once.

    Args:
        images: folders (nested ones included), patterns or files.
        videos: likewise; of a folder, the files whose suffix is a video's.

    Raises:
        VosError: a pattern finds nothing.
    """
    photos = [path for spec in images for path in list_images(Path(spec).expanduser())]
    clips: list[Path] = []
    for spec in videos:
        place = Path(spec).expanduser()
        found = [path for path in find_paths(place) if path.is_file()]
        found = [path for path in found if not place.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES]
        if not found:
            raise VosError(f"videos={spec} finds nothing; give a folder or a pattern such as 'archive/**/*.mp4'")
        clips += sorted(found, key=natural_key)
    rows = [Source(path.absolute(), False) for path in photos] + [Source(path.absolute(), True) for path in clips]
    return list(dict.fromkeys(rows))
