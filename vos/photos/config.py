"""The options of the search in photos. Loads no torch: help and scoring read it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vos.limits import Checked, Limits


@dataclass
class MethodConfig(Checked):
    """How an object is looked for in a photo. ``None`` stands for what suits the model (``vos.persam.suited``)."""

    GROUP = "method."
    LIMITS: ClassVar[Limits] = {(0, 20): "refine_steps", (1, 100): "parts", (1, 1000): "max_instances"}

    name: str = "p2sam"  # persam | persam_f | p2sam | persam_published
    guidance: bool = True  # steer the first decoder call by similarity (persam_f: only what reads similarity maps)
    points: bool | None = None  # persam: prompt with the similarity's best and worst point
    refine_steps: int | None = None  # decoder calls after the first; more = tighter masks, slower
    crop_refinement: bool | None = None  # decode small objects again in an enlarged crop; None = if cheap (nano)
    parts: int = 5  # p2sam: most parts that the object is split into; 1..parts are tried, more = surer, slower
    max_instances: int = 16  # instances=all: most that are looked for in a photo; more = fuller crowds, slower
