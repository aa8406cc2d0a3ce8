"""The options of how results are written, for the command line and Python. Loads no torch: help reads it, too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from vos.errors import VosError
from vos.limits import Checked

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
class OutputConfig(Checked):
    """How results are written."""

    background: str = "blur"  # of output=composite: blur | white | gray | black | '#rrggbb' | a picture or clip
    matte: MatteConfig = field(default_factory=MatteConfig)
