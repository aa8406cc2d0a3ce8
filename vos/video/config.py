"""The options of a video that the command line and Python share. Loads no torch: help reads it, too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from vos.io.config import MatteConfig
from vos.limits import Limits
from vos.sam.config import ModelConfig, RuntimeConfig
from vos.tracking.config import TrackerConfig


@dataclass
class VideoConfig(RuntimeConfig):
    """How a video is read, and its objects are followed."""

    LIMITS: ClassVar[Limits] = {(1, 100000): "every"}

    start: str | None = None  # first frame wanted, a number or a time such as 00:12.5; None = the clip's first
    end: str | None = None  # frame after the last one wanted, likewise; None = the clip's end
    every: int = 1  # 2 takes every second frame, and so on; more = faster, larger steps to follow
    both_sides: bool = True  # of several masks: frames between two are tracked from both; false = from the earlier one
    add_backward: bool = False  # an object that appears first in a later mask is also followed backward from it
    reader: str = "pyav"  # pyav | decord, what decodes video files
    hdr: str = "tonemap"  # tonemap HDR video to a standard picture | keep: HDR in overlay and matte (not in webm)
    deinterlace: str = "auto"  # auto: interlaced frames become progressive ones | off
    prompt_model: str | None = None  # which model answers boxes and points, e.g. vit_t; None = the one that follows
    prompt_checkpoint: str | None = None  # weights file of prompt_model; None = the model's own
    matte: MatteConfig = field(default_factory=MatteConfig)
    checkpoint: str | None = None  # weights file; None = the model's own
    model: ModelConfig = field(default_factory=ModelConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
