"""What the forms have in common: they know what is said of the clip."""

from __future__ import annotations

from pathlib import Path

from vos.io.clip import Clip
from vos.io.forms.found import Objects
from vos.io.writers.base import TextWriter, Writer


class ClipWriter(Writer):
    """Writes one output of a clip.

    Args:
        path: final name of the file or folder.
        clip: what is said of the clip.

    Attributes:
        objects: finds those of each frame; writers of one clip may share it.
    """

    def __init__(self, path: str | Path, clip: Clip) -> None:
        super().__init__(path)
        self.clip = clip
        self.objects = Objects(clip)


class FormWriter(ClipWriter, TextWriter):
    """Writes one text file of a clip."""
