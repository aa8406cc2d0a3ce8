"""The options of how results are written, for the command line and Python. Loads no torch: help reads it, too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import ClassVar

from vos.errors import VosError
from vos.limits import Checked, Limits

QUALITIES = ("fast", "best")
PLACES = ("clip", "object", "frame")  # in patterns


@dataclass
class SoftMaskConfig(Checked):
    """Soft masks, and the colours in their edges."""

    GROUP: ClassVar[str] = "matte."
    CHOICES: ClassVar[Mapping[str, Sequence[str]]] = {"quality": QUALITIES}

    quality: str = "fast"  # fast, a guided filter | best, by the matting Laplacian: softer hair and blur, slower
    decontaminate: bool = True  # take the background's colour out of soft edges, wherever colours leave with alpha

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in self.CHOICES.items():
            if (value := getattr(self, name)) not in known:
                raise VosError(f"matte.{name}={value} is not understood; choose {' or '.join(known)}")


@dataclass
class MatteConfig(SoftMaskConfig):
    """Soft masks, and the matte as a video."""

    CHOICES: ClassVar[Mapping[str, Sequence[str]]] = {**SoftMaskConfig.CHOICES, "format": ("mov", "webm")}

    format: str = "mov"  # mov (ProRes 4444, for editors) | webm (VP9 with alpha, for browsers)
    per_object: bool = False  # a file for each object: matte/<object id>.mov


@dataclass
class SequenceConfig(Checked):
    """Numbered pictures: names of ``png_rgba``, ``png_alpha`` and ``exr``."""

    GROUP: ClassVar[str] = "sequence."
    LIMITS: ClassVar[Limits] = {(0, 10**9): "first_number", (1, 20): "padding", (8, 16): "alpha_bits"}

    first_number: int | None = None  # number of the first picture, e.g. 1001; None = pictures have the frames' names
    padding: int = 4  # digits that such numbers have at least
    pattern: str = "{frame}"  # names, e.g. {clip}_{object}.{frame}; with {object}, its id, each has pictures of its own
    alpha_bits: int = 8  # of png_alpha: 8 | 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha_bits not in (8, 16):
            raise VosError(f"sequence.alpha_bits={self.alpha_bits}; choose 8 or 16")
        if (wrong := fault_of_pattern(self.pattern)) is not None:
            raise VosError(f"sequence.pattern={self.pattern} {wrong}")


@dataclass
class ExrConfig(Checked):
    """OpenEXR files."""

    GROUP: ClassVar[str] = "exr."

    compression: str = "zip"  # zip (lossless) | dwaa (smaller, and not)
    cryptomatte: bool = False  # also who is where, by name: Cryptomatte

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.compression not in ("zip", "dwaa"):
            raise VosError(f"exr.compression={self.compression} is not understood; choose zip or dwaa")
        if self.cryptomatte and self.compression == "dwaa":
            raise VosError("exr.compression=dwaa would damage Cryptomatte's ids; leave out one of the two")


@dataclass
class FinishConfig(Checked):
    """The last touch to masks, of every output except ``masks`` (and ``keep=alpha``)."""

    GROUP: ClassVar[str] = "finish."
    LIMITS: ClassVar[Limits] = {(-500, 500): "grow", (0, 500): "feather", (0, 1): "min_piece", (0, 60): "smooth"}

    min_piece: float = 0.0  # share of the object's area, 0..1; smaller pieces go
    fill_holes: bool = False  # fill what an object encloses, unless it is another object
    smooth: float = 0.0  # seconds, time constant of an average along the motion, which does not trail; 0 = none
    grow: int = 0  # pixels by which outlines move outwards; below 0 = inwards
    feather: float = 0.0  # pixels over which the edge of soft masks fades; more = softer
    masks: bool = False  # finish output=masks and keep=alpha, too, which forms are made of later

    @property
    def is_active(self) -> bool:
        """Says whether anything is done."""
        return self != FinishConfig(masks=self.masks)


@dataclass
class OutputConfig(Checked):
    """How results are written."""

    background: str = "blur"  # of output=composite: blur | white | gray | black | '#rrggbb' | a picture or clip
    matte: MatteConfig = field(default_factory=MatteConfig)
    exr: ExrConfig = field(default_factory=ExrConfig)
    sequence: SequenceConfig = field(default_factory=SequenceConfig)
    finish: FinishConfig = field(default_factory=FinishConfig)


def fault_of_pattern(pattern: str) -> str | None:
    """Says in a clause what is wrong with the pattern of pictures' names; None where nothing is."""
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as error:
        return f"is not understood ({error})"
    places = [name for _, name, _, _ in parts if name is not None]
    if any(name not in PLACES for name in places):
        return f"holds another place than {', '.join(f'{{{name}}}' for name in PLACES)}"
    if any(form or kind for _, _, form, kind in parts):
        return "says how a place is written, which cannot be chosen; sequence.padding sets the digits of numbers"
    if "frame" not in places:
        return "would give all pictures of an object one name: put {frame} into it"
    folders = pattern.split("/")
    if re.search(r'[\x00-\x1f\\:*?"<>|]', pattern) or any(part.startswith(".") or not part.strip() for part in folders):
        return "is no name of a file: leave out signs that systems forbid, and dots that begin names"
    if pattern.lower().endswith((".png", ".exr")):
        return "ends in a suffix, which comes by itself: leave it out"
    between = re.search(r"\{(object|frame)\}(.*?)\{(?!\1)(object|frame)\}", pattern)
    if between is not None and not re.search(r"\D", re.sub(r"\{\w+\}", "", between[2])):
        return "lets two pictures have one name: put a sign that is no digit between {object} and {frame}"
    return None
