"""The options of training pictures. Loads no torch: help reads it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vos.limits import Checked, Limits


@dataclass
class DreamboothConfig(Checked):
    """``output=dreambooth``: training pictures for personalised image generation."""

    GROUP = "dreambooth."
    LIMITS: ClassVar[Limits] = {(512, 1024): "size", (0, 2): "margin"}

    size: int = 512  # side of the square crops, pixels: 512 | 768 | 1024; as the image generator expects
    background: str = "white"  # white | gray | black | #rrggbb | transparent | blur | keep
    text: str = "a photo of sks {concept}"  # prompt in metadata.jsonl; {concept} = its name
    margin: float = 0.1  # room around the object on each side, share of its longer side; more = a smaller object
