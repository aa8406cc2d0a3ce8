"""One palette PNG per frame, as the DAVIS tools read them."""

from __future__ import annotations

from pathlib import Path

from vos.errors import VosError
from vos.io.masks.label_map import write_label_map
from vos.io.writers.base import Writer
from vos.structures import SegmentedFrame


class MaskWriter(Writer):
    """Writes ``<folder>/<frame name>.png``, palette indices = object ids.

    The folder appears as a whole when all frames are there, and replaces an earlier run's.

    Args:
        folder: e.g. ``outputs/clip/masks``.

    Raises:
        VosError: the folder exists and holds anything but PNG files.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        if self.path.is_dir():
            foreign = sorted(p.name for p in self.path.iterdir() if p.suffix.lower() != ".png")
            if foreign:
                raise VosError(f"{self.path} holds other files than masks ({foreign[0]}); choose another output_dir")
        elif self.path.exists():
            raise VosError(f"{self.path} is a file; masks need a folder: choose another output_dir")
        self._folder: Path | None = None

    def _write(self, segmented: SegmentedFrame) -> None:
        if self._folder is None:
            self._folder = self._temporary(self.path)
            self._folder.mkdir()
        write_label_map(self._folder / f"{segmented.frame.name}.png", segmented.label_map)
