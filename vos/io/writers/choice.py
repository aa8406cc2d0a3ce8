"""What a video's results can be written as: names of outputs, their files in the folder, their writers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from vos.errors import VosError
from vos.io.readers.base import FrameSource
from vos.io.writers.base import Writer
from vos.io.writers.masks import MaskWriter, RleWriter
from vos.io.writers.video import MatteWriter, OverlayWriter

OUTPUTS = {"masks": "masks", "overlay": "overlay.mp4", "matte": "matte.{matte_format}", "rle": "rle.json"}
SUMMARY = "summary.json"
FILES = ("masks", "overlay.mp4", "matte.*", "rle.json", "reference.png", SUMMARY)  # that a run may write


def output_paths(names: Sequence[str], folder: Path, matte_format: str = "webm") -> dict[str, Path]:
    """Says where each output is written.

    Args:
        names: of outputs, at least one.
        folder: of the results.
        matte_format: suffix of the matte, "webm" or "mov".

    Raises:
        VosError: there is no output or format of that name.
    """
    check_outputs(names, OUTPUTS)
    if matte_format not in ("webm", "mov"):
        raise VosError(f"matte_format={matte_format} is not understood; choose webm or mov")
    return {name: folder / OUTPUTS[name].format(matte_format=matte_format) for name in names}


def check_outputs(names: Sequence[str], known: Iterable[str]) -> None:
    """Raises a VosError if there is no name of an output, or one that is not known."""
    if not names or set(names) - set(known):
        raise VosError(f"output={list(names)} is not understood; choose from {', '.join(known)}")


def make_writer(name: str, path: Path, source: FrameSource) -> Writer:
    """Makes the writer of an output of :func:`output_paths`; ``source`` is where the frames come from."""
    if name == "overlay":
        return OverlayWriter(path, source)
    if name == "matte":
        return MatteWriter(path, source)
    return MaskWriter(path) if name == "masks" else RleWriter(path)
