"""What a video's results can be written as: names of outputs, their files in the folder, their writers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vos.errors import VosError
from vos.io.clip import Clip
from vos.io.forms.arrays import NpzWriter
from vos.io.forms.coco import CocoWriter, YoutubeVisWriter
from vos.io.forms.cvat import CvatImagesWriter, CvatVideoWriter
from vos.io.forms.pictures import AlphaWriter, AnimationWriter, RgbaWriter
from vos.io.forms.table import CsvWriter, MotsWriter, MotWriter
from vos.io.forms.yolo import YoloWriter
from vos.io.readers.base import FrameSource
from vos.io.writers.base import Writer
from vos.io.writers.masks import MaskWriter, RleWriter
from vos.io.writers.video import MatteWriter, OverlayWriter


@dataclass(frozen=True)
class Output:
    """One form of the results.

    Attributes:
        file: its name in the folder, of a file or a folder.
        make: makes its writer: of a path, the source of the frames, and what is said of the clip.
        has_picture: it is made of the frames' pictures, too.
        has_alpha: it is made of soft masks.
    """

    file: str
    make: Callable[[Path, FrameSource, Clip], Writer]
    has_picture: bool = False
    has_alpha: bool = False


def _form(file: str, kind: Callable[[Path, Clip], Writer], has_picture: bool = False) -> Output:
    return Output(file, lambda path, source, clip: kind(path, clip), has_picture)


OUTPUTS = {
    "masks": Output("masks", lambda path, source, clip: MaskWriter(path)),
    "overlay": Output("overlay.mp4", lambda path, source, clip: OverlayWriter(path, source), has_picture=True),
    "matte": Output(
        "matte.{matte_format}", lambda path, source, clip: MatteWriter(path, source), has_picture=True, has_alpha=True
    ),
    "rle": Output("rle.json", lambda path, source, clip: RleWriter(path)),
    "png_rgba": Output("png_rgba", lambda path, source, clip: RgbaWriter(path), has_picture=True, has_alpha=True),
    "gif": Output("preview.gif", lambda path, source, clip: AnimationWriter(path), has_picture=True),
    "webp": Output("preview.webp", lambda path, source, clip: AnimationWriter(path), has_picture=True),
    "coco": _form("coco.json", CocoWriter),
    "ytvis": _form("ytvis.json", YoutubeVisWriter),
    "yolo": _form("yolo", YoloWriter, has_picture=True),
    "mots": _form("mots.txt", MotsWriter),
    "mot": _form("mot.txt", MotWriter),
    "csv": _form("objects.csv", CsvWriter),
    "cvat": _form("cvat.xml", CvatVideoWriter),
    "cvat_images": _form("cvat_images.xml", CvatImagesWriter),
    "npz": _form("results.npz", NpzWriter),
}
KEPT = {"alpha": Output("alpha", lambda path, source, clip: AlphaWriter(path, clip), has_alpha=True)}  # for later
SUMMARY = "summary.json"
_KNOWN = OUTPUTS | KEPT
FILES = (
    *(one.file.format(matte_format="*") for one in _KNOWN.values()),
    "reference.png",
    SUMMARY,
)  # that a run may write


def output_paths(
    names: Sequence[str], folder: Path, matte_format: str = "webm", keep: Sequence[str] = ()
) -> dict[str, Path]:
    """Says where each output is written.

    Args:
        names: of outputs, at least one.
        folder: of the results.
        matte_format: suffix of the matte, "webm" or "mov".
        keep: what is kept besides, for outputs that are made later.

    Raises:
        VosError: there is no output or format of that name.
    """
    check_outputs(names, OUTPUTS)
    if matte_format not in ("webm", "mov"):
        raise VosError(f"matte_format={matte_format} is not understood; choose webm or mov")
    if unknown := set(keep) - set(KEPT):
        raise VosError(f"keep={', '.join(sorted(unknown))} is not understood; choose from {', '.join(KEPT)}")
    return {name: folder / _KNOWN[name].file.format(matte_format=matte_format) for name in (*names, *keep)}


def check_outputs(names: Sequence[str], known: Iterable[str]) -> None:
    """Raises a VosError if there is no name of an output, or one that is not known."""
    if not names or set(names) - set(known):
        raise VosError(f"output={list(names)} is not understood; choose from {', '.join(known)}")


def need_pictures(names: Iterable[str]) -> bool:
    """Tells whether any of the outputs is made of the frames' pictures, too."""
    return any(_KNOWN[name].has_picture for name in names)


def need_alpha(names: Iterable[str]) -> bool:
    """Tells whether any of the outputs is made of soft masks."""
    return any(_KNOWN[name].has_alpha for name in names)


def make_writers(paths: Mapping[str, Path], source: FrameSource, clip: Clip) -> list[Writer]:
    """Makes the writers of outputs.

    Args:
        paths: of :func:`output_paths`.
        source: where the frames come from.
        clip: what is said of it.
    """
    return [_KNOWN[name].make(path, source, clip) for name, path in paths.items()]
