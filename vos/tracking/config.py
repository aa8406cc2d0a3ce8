"""Every option of the tracker: name, type, default and unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vos.adaptation.adapt import AdaptConfig
from vos.errors import VosError


@dataclass
class MemoryConfig:
    """Recency-updated memory of confident past frames, per object."""

    enabled: bool = True  # false = the given masks alone
    momentum: float = 0.8  # each admission multiplies the weight of older views by this, 0..1
    size: int = 3  # most views kept besides the references
    weight: float = 0.4  # share of the memory against the references in the location prior, 0..1
    rivals: int = 0  # most views kept besides from moments when a look-alike was near (needs choice.enabled)
    guard: bool = True  # cells that look more like the backgrounds seen so far are neither kept nor used as prior
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
    velocity: bool = True  # move both by the object's recent velocity
    flow: bool = False  # warp the previous logits by dense optical flow instead
    velocity_momentum: float = 0.5  # share that the old velocity keeps in each frame, 0..1
    box_margin: float = 0.1  # growth of the predicted box on each side, share of its size, per unsure frame more
    reach: float = 1.0  # no mask farther beyond the predicted box than this share of its size; 0 = anywhere
    reach_most: float = 0.15  # ... nor than this share of the picture's longer side
    reach_calm: float = 0.25  # ... nor, while it moves as expected, than about this share of its size
    window: bool = True  # compare and decode only within reach (models that read similarity maps)
    second_chance: bool = True  # an object that is not where it should be is looked for everywhere at once
    patience: int = 5  # frames without a sure sight after which the prior is dropped

    def __post_init__(self) -> None:
        if not self.reach_most > 0:
            raise VosError(f"tracker.motion.reach_most={self.reach_most} is not above 0; the default is 0.15")
        if not self.reach_calm >= 0:
            raise VosError(f"tracker.motion.reach_calm={self.reach_calm} is below 0; the default is 0.25")


@dataclass
class ChoiceConfig:
    """Which of the decoder's three candidates is taken."""

    enabled: bool = False  # false = the decoder's single mask (PerSAM-F: the tuned sum)
    agreement: float = 0.25  # weight of the IoU with the expected mask against the predicted IoU, 0..1
    rival: float = 0.8  # a candidate is a rival from this share of the taken one's predicted IoU on ...
    contested: float = 0.6  # ... and a look-alike is near where a rival's IoU with the taken one is below this


@dataclass
class ZoomConfig:
    """A second look at small objects, enlarged: finer edges for another encoding per small object and frame."""

    enabled: bool = False  # look twice at small objects
    input_size: int = 384  # longer side of the enlarged region, pixels
    margin: float = 0.5  # of the region beyond the object's box on each side, share of the box's longer side
    max_share: float = 0.5  # of the region's side in the frame's longer side; larger objects need no second look
    agreement: float = 0.5  # IoU of both looks, below which the first one stands


@dataclass
class EdgesConfig:
    """Outlines moved onto the frame's edges at full resolution, by a guided filter (He et al., TPAMI 2013)."""

    enabled: bool | None = None  # false = low-res logits, enlarged; None = true but for tracker=reference
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
    cuts: bool = True  # notice scene cuts, after which objects are looked for by appearance alone
    unseen_similarity: float = 0.9  # ... in a scene in which it has not been seen yet, after a cut or by concept=
    min_area: float = 16.0  # original pixels; a smaller mask is absent (a quarter of the reference where that is less)


@dataclass
class HypothesesConfig:
    """Several histories of each object side by side, the best of which is the answer (SAM2Long, arXiv 2410.16268)."""

    count: int = 1  # most histories per object; 1 = off
    unsure: float = 0.9  # a history branches where its predicted IoU is below this share of its recent mean
    differing: float = 0.7  # ... into candidates of the decoder whose IoU with its mask is below this
    same: float = 0.9  # two histories whose masks have this IoU are one, and the better one goes on
    momentum: float = 0.9  # share that the score so far keeps in each frame, 0..1
    margin: float = 0.1  # by which another history's score has to exceed that of the answer so far to become it
    absent: float = 0.3  # what an absent object counts; one in sight: predicted IoU times similarity squared

    def __post_init__(self) -> None:
        if self.count < 1:
            raise VosError(f"tracker.hypotheses.count={self.count} is below 1, the default, which is off; try 3")
        # A momentum of 1 would never learn of a frame; nothing absent is worth more than what is perfectly seen.
        for name, default in (("absent", 0.3), ("same", 0.9), ("momentum", 0.9)):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise VosError(f"tracker.hypotheses.{name}={value} is not between 0 and 1; the default is {default}")


@dataclass
class SecondPassConfig:
    """A second pass over the frames, last one first, and one answer made of both.

    For files and folders, not for live input. Given masks stay as they are; frames before the first reference are gone
    over twice, too. Results are written when both passes are through.
    """

    enabled: bool = False  # false = one pass; true = twice the work per frame
    views: int = 3  # surest views, from all over the first pass, that the second one keeps besides the references
    trust: float = 0.85  # weight of the second pass against the first, which is nearer to the given mask, 0..1
    found_iou: float = 0.8  # an object that the second pass alone sees is there at or above this predicted IoU, 0..1

    def __post_init__(self) -> None:
        if self.views < 0:
            raise VosError(f"tracker.second_pass.views={self.views} is below 0; the default is 3")
        for name, default in (("trust", 0.85), ("found_iou", 0.8)):
            if not 0 <= getattr(self, name) <= 1:
                value = getattr(self, name)
                raise VosError(f"tracker.second_pass.{name}={value} is outside of 0..1; the default is {default}")


@dataclass
class TrackerConfig:
    """The per-frame tracker. ``None`` stands for what suits the model (see ``vos.tracking.persam_tracker``)."""

    name: str = "persam"  # persam | reference
    others: bool = True  # persam: tell the decoder where the other objects should be
    points: int | None = None  # positive points per object from the similarity map (reference: 2, PerSAM-F: 1)
    negatives: bool = False  # persam: the other objects' best points as negative points
    refine_steps: int | None = None  # persam: decoder calls after the first
    guidance: bool = True  # persam: steer the first decoder call by similarity
    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    flips: bool = False  # persam: also look at the mirrored frame and average, for twice the work
    choice: ChoiceConfig = field(default_factory=ChoiceConfig)
    hypotheses: HypothesesConfig = field(default_factory=HypothesesConfig)
    zoom: ZoomConfig = field(default_factory=ZoomConfig)
    edges: EdgesConfig = field(default_factory=EdgesConfig)
    second_pass: SecondPassConfig = field(default_factory=SecondPassConfig)
    presence: PresenceConfig = field(default_factory=PresenceConfig)
    finetune: Any = False  # true | false, or the options of FinetuneConfig

    @property
    def outlines(self) -> EdgesConfig | None:
        """How outlines are refined in the end; None = not at all, as in the published tracker."""
        wanted = self.name != "reference" if self.edges.enabled is None else self.edges.enabled
        return self.edges if wanted else None
