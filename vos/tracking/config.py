"""Every option of the tracker: name, type, default and unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from vos.adaptation.config import AdaptConfig
from vos.limits import Checked, Limits


@dataclass
class MemoryConfig(Checked):
    """Recency-updated memory of confident past frames, per object."""

    GROUP = "tracker.memory."
    LIMITS: ClassVar[Limits] = {
        (0, 1): "momentum weight min_predicted_iou iou_share",
        (0, 100): "size",
        (0, 100000): "interval",
        (0, 1000): "growth area_change",
        (1, 100000): "iou_window area_window",
    }

    enabled: bool = True  # false = the given masks alone
    momentum: float = 0.8  # each admission multiplies older views' weight by this, 0..1; more = they count for longer
    size: int = 3  # most views kept besides the references; more = older looks count, slower
    weight: float = 0.4  # share of the memory against the references, 0..1; more = follows changes, drifts sooner
    background_filter: bool = True  # forget the cells of a mask that look more like a background seen before
    interval: int = 3  # least number of frames between admissions, more = views further apart, faster ...
    growth: float = 0.1  # ... unless its area has changed by more than this share since; more = seldom sooner
    min_predicted_iou: float = 0.45  # a frame is admitted only at or above this, 0..1; more = fewer, surer views
    iou_share: float = 0.8  # ... and at or above this share of its recent median, 0..1; more = fewer, surer views
    iou_window: int = 25  # frames over which that median is taken; more = slower to accept that things got worse
    area_change: float = 2.0  # ... and if its area is within 1 + this times its recent median; more = fewer refused
    area_window: int = 7  # frames over which that median is taken; more = slower to accept another size


@dataclass
class MotionConfig(Checked):
    """Temporal location prior, per object."""

    GROUP = "tracker.motion."
    LIMITS: ClassVar[Limits] = {
        (0, 1): "velocity_momentum",
        (0, 10): "box_margin",
        (0, 100): "gate gate_calm",
        (0.001, 100): "gate_most",
        (0, 100000): "max_age",
    }

    previous_mask: bool = True  # previous frame's logits as mask prompt
    previous_box: bool | None = None  # predicted box as box prompt; None = unless the model reads similarity maps
    velocity_momentum: float = 0.5  # share that the old velocity keeps in each frame, 0..1; more = smoother, later
    box_margin: float = 0.1  # growth of the predicted box on each side, share of its size; more = a looser prior
    gate: float = 1.0  # no mask farther from the predicted box than this share of its size; more = wider; 0 = anywhere
    gate_most: float = 0.15  # ... nor than this share of the picture's longer side; more = wider for large objects
    gate_calm: float = 0.25  # ... nor than about this share while it moves as expected; more = wider for calm ones
    max_age: int = 5  # frames without a sure sight after which the prior is dropped; more = waits longer there


@dataclass
class EdgesConfig(Checked):
    """Outlines moved onto the frame's edges at full resolution, by a guided filter (He et al., TPAMI 2013)."""

    GROUP = "tracker.edges."
    LIMITS: ClassVar[Limits] = {(0.1, 100): "radius", (1e-5, 1): "epsilon"}

    enabled: bool | None = None  # false = low-res logits, enlarged; None = true but for tracker=published
    radius: float = 4.0  # of the filter's windows, low-res logits (4.4 pixels of 854x480); more = farther edges count
    epsilon: float = 1e-4  # variance (range 1) below which a window has no edges; more = smoother outlines
    colour: bool = True  # guided by the frame's colours; false = by its brightness, which is faster


@dataclass
class PresenceConfig(Checked):
    """When an object counts as present, uncertain or absent.

    Similarity here is the mean of the similarity map inside the mask, scaled so that 1 is the reference's own inside
    and 0 its surroundings.
    """

    GROUP = "tracker.presence."
    LIMITS: ClassVar[Limits] = {
        (0, 1): "present_iou absent_iou found_iou",
        (-10, 10): "absent_similarity found_similarity new_scene_similarity",
        (0, 1e9): "min_area",
    }

    present_iou: float = 0.4  # predicted IoU at or above: present; more = uncertain more often
    absent_iou: float = 0.1  # predicted IoU below: absent; more = absent more often
    absent_similarity: float = 0.0  # similarity below: absent; more = absent more often
    found_iou: float = 0.4  # a lost object is taken up again at or above this predicted IoU, more = later, surer ...
    found_similarity: float = 0.7  # ... if its similarity, too, is at or above this; more = fewer look-alikes
    scene_cuts: bool = True  # notice scene cuts, after which objects are looked for by appearance alone
    new_scene_similarity: float = 0.9  # ... in a scene that is new, after a cut or by concept=; more = surer, later
    min_area: float = 16.0  # pixels; a smaller mask (a quarter of a small reference) is absent; more = fewer specks


@dataclass
class TrackerConfig(Checked):
    """The per-frame tracker. ``None`` stands for what suits the model (``vos.persam.suited``)."""

    GROUP = "tracker."
    LIMITS: ClassVar[Limits] = {(0, 100): "points", (0, 20): "refine_steps"}

    name: str = "persam"  # persam | published
    points: int | None = None  # positive points per object, peaks of the similarity map; more = larger masks
    refine_steps: int | None = None  # decoder calls after the first; more = tighter masks, slower
    guidance: bool = True  # steer the first decoder call by similarity
    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    edges: EdgesConfig = field(default_factory=EdgesConfig)
    presence: PresenceConfig = field(default_factory=PresenceConfig)
    finetune: Any = False  # PerSAM-F: true | false, or {steps: ..., learning_rate: ...}

    @property
    def outlines(self) -> EdgesConfig | None:
        """How outlines are refined in the end; None = not at all, as in the published tracker."""
        wanted = self.name != "published" if self.edges.enabled is None else self.edges.enabled
        return self.edges if wanted else None
