"""Every option of the tracker: name, type, default and unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vos.adaptation.config import AdaptConfig
from vos.errors import VosError


@dataclass
class MemoryConfig:
    """Recency-updated memory of confident past frames, per object."""

    enabled: bool = True  # false = the given masks alone
    momentum: float = 0.8  # each admission multiplies the weight of older views by this, 0..1
    size: int = 3  # most views kept besides the references
    weight: float = 0.4  # share of the memory against the references in the location prior, 0..1
    background_filter: bool = True  # forget the cells of a mask that look more like a background seen before
    interval: int = 3  # least number of frames between admissions ...
    growth: float = 0.1  # ... unless the object's area has changed by more than this share since the last one
    min_predicted_iou: float = 0.45  # a frame is admitted only at or above this, 0..1
    iou_share: float = 0.8  # ... and at or above this share of its recent median, 0..1; 0 = whatever that is
    iou_window: int = 25  # frames over which that median is taken
    area_change: float = 2.0  # ... and only if its area is at most 1 + this times its recent median, or its inverse
    area_window: int = 7  # frames over which that median is taken

    def __post_init__(self) -> None:
        if not 0 <= self.iou_share <= 1:
            raise VosError(f"tracker.memory.iou_share={self.iou_share} is outside of 0..1; the default is 0.8")
        for name, default in (("iou_window", 25), ("area_window", 7)):
            if getattr(self, name) < 1:
                raise VosError(
                    f"tracker.memory.{name}={getattr(self, name)} is below 1 frame; the default is {default}"
                )


@dataclass
class MotionConfig:
    """Temporal location prior, per object."""

    previous_mask: bool = True  # previous frame's logits as mask prompt
    previous_box: bool | None = None  # predicted box as box prompt; None = unless the model reads similarity maps
    velocity_momentum: float = 0.5  # share that the old velocity keeps in each frame, 0..1
    box_margin: float = 0.1  # growth of the predicted box on each side, share of its size, per unsure frame more
    gate: float = 1.0  # no mask farther beyond the predicted box than this share of its size; 0 = anywhere
    gate_most: float = 0.15  # ... nor than this share of the picture's longer side
    gate_calm: float = 0.25  # ... nor, while it moves as expected, than about this share of its size
    max_age: int = 5  # frames without a sure sight after which the prior is dropped

    def __post_init__(self) -> None:
        if not self.gate_most > 0:
            raise VosError(f"tracker.motion.gate_most={self.gate_most} is not above 0; the default is 0.15")
        if not self.gate_calm >= 0:
            raise VosError(f"tracker.motion.gate_calm={self.gate_calm} is below 0; the default is 0.25")


@dataclass
class EdgesConfig:
    """Outlines moved onto the frame's edges at full resolution, by a guided filter (He et al., TPAMI 2013)."""

    enabled: bool | None = None  # false = low-res logits, enlarged; None = true but for tracker=published
    radius: float = 4.0  # of the filter's windows, low-res logits (each 4.4 pixels of a frame of 854x480)
    epsilon: float = 1e-4  # variance of the frame, its range taken as 1, below which a window counts as without edges
    colour: bool = True  # guided by the frame's colours; false = by its brightness, which is faster

    def __post_init__(self) -> None:
        if not 0 < self.radius <= 100:
            raise VosError(f"tracker.edges.radius={self.radius} is outside of 0..100; the default is 4")
        if not self.epsilon >= 1e-5:
            raise VosError(f"tracker.edges.epsilon={self.epsilon} is too small; give 1e-5 or more, the default is 1e-4")


@dataclass
class PresenceConfig:
    """When an object counts as present, uncertain or absent.

    Similarity here is the mean of the similarity map inside the mask, scaled so that 1 is the reference's own inside
    and 0 its surroundings.
    """

    present_iou: float = 0.4  # predicted IoU at or above: present
    absent_iou: float = 0.1  # predicted IoU below: absent
    absent_similarity: float = 0.0  # similarity below: absent
    found_iou: float = 0.4  # a lost object is taken up again at or above this predicted IoU ...
    found_similarity: float = 0.7  # ... if its similarity, too, is at or above this
    scene_cuts: bool = True  # notice scene cuts, after which objects are looked for by appearance alone
    new_scene_similarity: float = 0.9  # ... in a scene in which it has not been seen yet, after a cut or by concept=
    min_area: float = 16.0  # original pixels; a smaller mask is absent (a quarter of the reference where that is less)


@dataclass
class TrackerConfig:
    """The per-frame tracker. ``None`` stands for what suits the model (``vos.persam.suited``)."""

    name: str = "persam"  # persam | published
    points: int | None = None  # positive points per object from the similarity map (published: 2, PerSAM-F: 1)
    refine_steps: int | None = None  # decoder calls after the first
    guidance: bool = True  # steer the first decoder call by similarity
    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    edges: EdgesConfig = field(default_factory=EdgesConfig)
    presence: PresenceConfig = field(default_factory=PresenceConfig)
    finetune: Any = False  # true | false, or the options of FinetuneConfig

    @property
    def outlines(self) -> EdgesConfig | None:
        """How outlines are refined in the end; None = not at all, as in the published tracker."""
        wanted = self.name != "published" if self.edges.enabled is None else self.edges.enabled
        return self.edges if wanted else None
