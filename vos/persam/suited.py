"""What suits a model and a method: the one place where an option's ``None`` gets its value, in videos and photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from vos.sam.segmenter import Segmenter

T = TypeVar("T")


@dataclass(frozen=True)
class Suited:
    """Values for options that are None.

    Attributes:
        reads_maps: the decoder reads the similarity maps themselves.
        points: peaks of the similarity map that are prompts.
        box: the predicted box is a prompt.
        refine_steps: decoder calls after the first.
        crop_refinement: small objects are decoded again in an enlarged crop.
    """

    reads_maps: bool
    points: int
    box: bool
    refine_steps: int
    crop_refinement: bool


def suited(model: Segmenter, choice: str, guidance: bool = True) -> Suited:
    """Says what suits a model.

    A decoder that reads the similarity maps themselves has no use for their peaks, and one call is enough; the box of
    the frame before only holds back an object that grows.

    Args:
        model: the promptable model.
        choice: what asks it, as on the command line: "tracker=persam", "method=p2sam".
        guidance: whether the method steers it by similarity at all.
    """
    cheap = "maps" in model.guidance_fields
    reads_maps = cheap and guidance
    points = {"tracker=published": 2, "tracker=published with finetune": 1}.get(choice, 0 if reads_maps else 1)
    one_call = reads_maps and choice in ("tracker=persam", "method=p2sam")
    return Suited(reads_maps, points, not reads_maps, refine_steps=0 if one_call else 2, crop_refinement=cheap)


def chosen(option: T | None, suits: T) -> T:
    """Takes an option, or what suits where it is None."""
    return suits if option is None else option
