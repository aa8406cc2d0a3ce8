"""Video files with decord: random access by frame number. PyAV supplies what decord leaves out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from vos.errors import VosError
from vos.io.readers.base import Damage
from vos.io.readers.decoder import local
from vos.io.readers.picture import STANDARD, Conversion
from vos.io.readers.pyav import PyAvSource
from vos.structures import Frame


class DecordSource(PyAvSource):
    """Reads a video file with decord, and its exact times with PyAV.

    decord miscounts some files, misses when it seeks in others and returns broken pictures for rotated ones: such a
    file is refused rather than read wrongly.

    Raises:
        VosError: decord is not installed, cannot read the file, or would read it wrongly.
    """

    def __init__(self, path: str, conversion: Conversion = STANDARD, shown_as: str | None = None) -> None:
        try:
            import decord
        except (ImportError, OSError, RuntimeError) as error:  # no wheel, or its library does not load
            extra = "pip install 'vos[decord]' (Linux x86-64 and Windows), or use reader=pyav"
            raise VosError(f"reader=decord needs a package that cannot be loaded: {extra}") from error
        super().__init__(path, conversion, shown_as)
        if self.is_turned:
            raise VosError(f"{path} is stored rotated, which decord garbles; use reader=pyav")
        if self.notes or not self.is_opaque:
            kind = self.notes[0].partition(",")[0] if self.notes else "transparent"
            raise VosError(f"{path} is {kind}, which decord shows otherwise; use reader=pyav")
        if self._index is None:
            raise VosError(f"{path} does not number its frames by time, which decord needs; use reader=pyav")
        try:
            self._video: Any = decord.VideoReader(local(path))
            count = len(self._video)
        except Exception as error:  # DECORDError and others; not importable from one place in all versions
            raise VosError(f"{path} cannot be read by decord; use reader=pyav") from error
        self.count = len(self._index.pts)
        if count != self.count:
            raise VosError(f"{path}: decord sees {count} frames, FFmpeg {self.count}; use reader=pyav")
        # decord numbers key frames in decoding order; where B-frames make that another one (open GOP), its seeks miss.
        if list(self._video.get_key_indices()) != [self._index.position(pts) for pts, _ in self._index.keys]:
            raise VosError(f"{path}: decord cannot seek exactly between its key frames; use reader=pyav")
        self._lock = threading.Lock()  # decord's reader is one cursor

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """See :meth:`FrameSource.frames`."""
        assert self._index is not None
        assert self.count is not None
        for index in range(start, self.count if stop is None else min(stop, self.count)):
            try:
                with self._lock:
                    rgb: Any = self._video[index].asnumpy()
            except Exception as error:  # as above
                raise VosError(f"{self.path}: decord cannot read frame {index}; use reader=pyav") from error
            time = float(int(self._index.pts[index]) * self.time_base)
            yield Frame(index, f"{index:05d}", time, np.asarray(rgb, dtype=np.uint8))
        if stop is None:
            self.tell_damage(Damage(missing=self._index.missing), self.count)

    def close(self) -> None:
        """Frees decord's reader."""
        self._video = None
        super().close()
