"""Every option: name, type, default and unit. conf/*.yaml only selects and overrides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ModelConfig:
    """Which promptable model, and how it runs."""

    name: str = "nano"  # nano | vit_t | vit_b | vit_l | vit_h
    input_size: int | None = None  # longer side of the model input, pixels; None = the model's own (SAM is fixed: 1024)


@dataclass
class MemoryConfig:
    """Recency-updated memory of confident past frames."""

    enabled: bool = True
    momentum: float = 0.8  # weight that an older entry keeps when a newer one is admitted, 0..1
    size: int = 3  # most entries kept besides the first-frame reference
    weight: float = 0.5  # share of the memory against the reference in the location prior, 0..1
    min_predicted_iou: float = 0.6  # a frame is admitted only above this


@dataclass
class MotionConfig:
    """Temporal location prior."""

    previous_mask: bool = True  # previous frame's logits as mask prompt
    previous_box: bool = True  # previous frame's box as box prompt
    box_margin: float = 0.1  # growth of the predicted box on each side, share of its size
    velocity: bool = True  # shift box by constant velocity


@dataclass
class PresenceConfig:
    """When an object counts as present, uncertain or absent."""

    present_iou: float = 0.5  # predicted IoU at or above: present
    absent_iou: float = 0.25  # predicted IoU below: absent
    min_area: int = 16  # original pixels; a smaller mask is absent


@dataclass
class FinetuneConfig:
    """PerSAM-F: the two mask weights."""

    enabled: bool = False
    steps: int = 800
    learning_rate: float = 4e-4


@dataclass
class TrackerConfig:
    """The per-frame tracker."""

    name: str = "persam"  # persam | reference
    points: int = 2  # top-k points of the similarity map per object (reference: 2, PerSAM-F: 1)
    refine_steps: int = 1  # decoder calls after the first
    guidance: bool = True  # steer the decoder by similarity (first call)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    presence: PresenceConfig = field(default_factory=PresenceConfig)
    finetune: Any = False  # true | false, or the options of FinetuneConfig


@dataclass
class RuntimeConfig:
    """Where and how fast."""

    device: str = "auto"  # auto | cpu | cuda | cuda:N | mps
    precision: str = "auto"  # auto | float32 | bfloat16
    threads: int | None = None  # CPU threads of torch; None = all cores
    batch_size: int = 1  # frames encoded together
