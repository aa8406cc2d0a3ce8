"""The options of how results are written, for the command line and Python. Loads no torch: help reads it, too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from vos.errors import VosError
from vos.limits import Checked, Limits

MATTE_FORMATS = ("mov", "webm")


@dataclass
class MatteConfig(Checked):
    """The matte as a video."""

    GROUP: ClassVar[str] = "matte."

    format: str = "mov"  # mov (ProRes 4444, for editors) | webm (VP9 with alpha, for browsers)
    per_object: bool = False  # a file for each object: matte/<object id>.mov

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.format not in MATTE_FORMATS:
            raise VosError(f"matte.format={self.format} is not understood; choose {' or '.join(MATTE_FORMATS)}")


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
    finish: FinishConfig = field(default_factory=FinishConfig)
