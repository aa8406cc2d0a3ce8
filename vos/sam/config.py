"""The options of models, and of where they run. Loads no torch: help and scoring read it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vos.limits import Checked, Limits, ProgramConfig


@dataclass
class ModelConfig(Checked):
    """Which promptable model, and how it runs."""

    GROUP = "model."
    LIMITS: ClassVar[Limits] = {(64, 4096): "input_size", (0.1, 1000): "memory_limit"}

    name: str = "nano"  # nano | vit_t | vit_b | vit_l | vit_h
    input_size: int | None = None  # longer side of the input, pixels; more = finer, slower; None = the model's own
    memory_limit: float = 2.0  # gigabytes that decoding takes at once; less = many objects in smaller parts, slower


@dataclass
class RuntimeConfig(ProgramConfig):
    """Where and how fast."""

    LIMITS: ClassVar[Limits] = {(1, 1024): "threads batch_size"}

    device: str = "auto"  # auto | cpu | cuda | cuda:N | mps; auto = the fastest there is
    precision: str = "auto"  # auto | float32 | bfloat16; auto = bfloat16 where the device has it in hardware
    engine: str = "auto"  # auto | torch | openvino, what computes SAM on a CPU; auto = openvino where it is installed
    threads: int | None = None  # CPU threads of one operation; None = all cores (videos, model=nano: half of them)
    batch_size: int = 1  # frames encoded together; more = faster on a GPU, more memory
