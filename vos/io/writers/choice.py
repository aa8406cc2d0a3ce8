"""What a video's results can be written as: names of outputs, their files in the folder, their writers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from vos.errors import VosError
from vos.io.background import Background, background_file
from vos.io.clip import Clip
from vos.io.config import OutputConfig
from vos.io.finish import Finish
from vos.io.forms.arrays import NpzWriter
from vos.io.forms.base import ClipWriter
from vos.io.forms.coco import CocoWriter, YoutubeVisWriter
from vos.io.forms.cvat import CvatImagesWriter, CvatVideoWriter
from vos.io.forms.exr import ExrWriter, required
from vos.io.forms.found import Objects
from vos.io.forms.pictures import AlphaWriter, AnimationWriter, GrayWriter, RgbaWriter
from vos.io.forms.table import CsvWriter, MotsWriter, MotWriter
from vos.io.forms.yolo import YoloWriter
from vos.io.readers.base import FrameSource
from vos.io.writers.base import Writer
from vos.io.writers.masks import MaskWriter, RleWriter
from vos.io.writers.per_object import PerObjectWriter
from vos.io.writers.video import CompositeWriter, MatteWriter, OverlayWriter

DEFAULT = OutputConfig()


@dataclass(frozen=True)
class Order:
    """What a writer is made of.

    Attributes:
        path: of its file or folder.
        source: where the frames come from.
        clip: what is said of it.
        config: how results are written.
    """

    path: Path
    source: FrameSource
    clip: Clip
    config: OutputConfig


@dataclass(frozen=True)
class Output:
    """One form of the results.

    Attributes:
        file: its name in the folder, of a file or a folder.
        make: makes its writer.
        has_picture: it is made of the frames' pictures, too.
        has_alpha: it is made of soft masks.
        options: of :class:`OutputConfig`, that it is made with besides those of soft masks and of the last touch.
    """

    file: str
    make: Callable[[Order], Writer]
    has_picture: bool = False
    has_alpha: bool = False
    options: tuple[str, ...] = ()


def _form(file: str, kind: Callable[[Path, Clip], Writer], has_picture: bool = False) -> Output:
    return Output(file, lambda order: kind(order.path, order.clip), has_picture)


def _sequence(
    folder: str,
    kind: Callable[[Path, Clip, OutputConfig, FrameSource], Writer],
    has_picture: bool,
    options: tuple[str, ...] = ("sequence",),
) -> Output:
    def make(order: Order) -> Writer:
        return kind(order.path, order.clip, order.config, order.source)

    return Output(folder, make, has_picture, has_alpha=True, options=options)


def _matte(order: Order) -> Writer:
    matte = order.config.matte
    if not matte.per_object:
        return MatteWriter(order.path, order.source, matte.decontaminate)
    make = partial(MatteWriter, source=order.source, decontaminate=matte.decontaminate)
    return PerObjectWriter(order.path, order.clip, f".{matte.format}", make)


def _composite(order: Order) -> Writer:
    config = order.config
    return CompositeWriter(order.path, order.source, config.background, config.matte.decontaminate)


OUTPUTS = {
    "masks": Output("masks", lambda order: MaskWriter(order.path)),
    "overlay": Output("overlay.mp4", lambda order: OverlayWriter(order.path, order.source), has_picture=True),
    "matte": Output("matte{matte_suffix}", _matte, has_picture=True, has_alpha=True),
    "composite": Output("composite.mp4", _composite, has_picture=True, has_alpha=True, options=("background",)),
    "rle": Output("rle.json", lambda order: RleWriter(order.path)),
    "png_rgba": _sequence("png_rgba", RgbaWriter, has_picture=True),
    "png_alpha": _sequence("png_alpha", GrayWriter, has_picture=False),
    "exr": _sequence("exr", ExrWriter, has_picture=True, options=("sequence", "exr")),
    "gif": Output("preview.gif", lambda order: AnimationWriter(order.path), has_picture=True),
    "webp": Output("preview.webp", lambda order: AnimationWriter(order.path), has_picture=True),
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
KEPT = {"alpha": Output("alpha", lambda order: AlphaWriter(order.path, order.clip), has_alpha=True)}  # for later
SUMMARY = "summary.json"
REPORT, TO_CHECK = "report.html", "frames_to_check.png"  # a page about the run, and a sheet of its doubtful frames
_KNOWN = OUTPUTS | KEPT
OUTPUT_FILES = {
    name: tuple(dict.fromkeys(one.file.format(matte_suffix=suffix) for suffix in ("", ".*")))
    for name, one in _KNOWN.items()
}  # as glob patterns
FILES = (*chain(*OUTPUT_FILES.values()), "reference.png", REPORT, TO_CHECK, SUMMARY)  # that a run may write


def output_paths(
    names: Sequence[str], folder: Path, config: OutputConfig = DEFAULT, keep: Sequence[str] = ()
) -> dict[str, Path]:
    """Says where each output is written.

    Args:
        names: of outputs, at least one.
        folder: of the results.
        config: how they are written.
        keep: what is kept besides, for outputs that are made later.

    Raises:
        VosError: there is no output of that name, no such background, or a package is not installed.
    """
    check_outputs(names, OUTPUTS)
    if "composite" in names:
        with Background(config.background):  # fails now rather than after tracking
            pass
    if "exr" in names:
        required(config.exr)
    if unknown := set(keep) - set(KEPT):
        raise VosError(f"keep={', '.join(sorted(unknown))} is not understood; choose from {', '.join(KEPT)}")
    suffix = "" if config.matte.per_object else f".{config.matte.format}"
    return {name: folder / _KNOWN[name].file.format(matte_suffix=suffix) for name in (*names, *keep)}


def inputs_of(names: Iterable[str], config: OutputConfig) -> list[tuple[str, Path]]:
    """Lists what outputs are made of besides the video, each with its option."""
    file = background_file(config.background) if "composite" in names else None
    return [] if file is None else [("background", file)]


def check_outputs(names: Sequence[str], known: Iterable[str]) -> None:
    """Raises a VosError if there is no name of an output, or one that is not known."""
    unknown = [str(name) for name in names if name not in known]
    if not names or unknown:
        wrong = f"output={','.join(unknown)} is not understood" if unknown else "output=[] is nothing"
        raise VosError(f"{wrong}; choose from {', '.join(known)}")


def need_pictures(names: Iterable[str], config: OutputConfig) -> bool:
    """Tells whether any of the outputs is made of the frames' pictures, too, or is smoothed along their motion."""
    return any(_KNOWN[name].has_picture or (config.finish.smooth and is_finished(name, config)) for name in names)


def need_alpha(names: Iterable[str]) -> bool:
    """Tells whether any of the outputs is made of soft masks."""
    return any(_KNOWN[name].has_alpha for name in names)


def make_writers(
    paths: Mapping[str, Path], source: FrameSource, clip: Clip, config: OutputConfig = DEFAULT
) -> list[Writer]:
    """Makes the writers of outputs.

    Args:
        paths: of :func:`output_paths`.
        source: where the frames come from.
        clip: what is said of it.
        config: how results are written.
    """
    writers, finish, objects = list[Writer](), Finish(config.finish), Objects(clip)
    for name, path in paths.items():
        writers.append(writer := _KNOWN[name].make(Order(path, source, clip, config)))
        if isinstance(writer, ClipWriter):
            writer.objects = objects
        if is_finished(name, config):
            writer.finish = finish
    return writers


def is_finished(name: str, config: OutputConfig) -> bool:
    """Tells whether an output shows masks after their last touch."""
    return config.finish.is_active and (config.finish.masks or name not in ("masks", *KEPT))


def options_of(name: str, config: OutputConfig) -> dict[str, Any]:
    """Gives the options that an output is written with, by name, as ``summary.json`` keeps them for it."""
    one = _KNOWN[name]
    names = {*one.options, *["matte"] * one.has_alpha, *["finish"] * is_finished(name, config)}
    return {option: value for option, value in asdict(config).items() if option in names}


def finish_described(config: OutputConfig) -> dict[str, Any]:
    """Describes the last touch for ``summary.json``; empty where there is none."""
    return {"finish": asdict(config.finish)} if config.finish.is_active else {}
