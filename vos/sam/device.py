"""Which device and which precision a user's words mean."""

from __future__ import annotations

import sys
from functools import cache

import torch

from vos.errors import VosError
from vos.stages import available_cores

# Seconds that a thread keeps Python's lock while others wait. Encoder, tracker and writer need it for microseconds at a
# time, so that Python's own 0.005 is long.
SWITCH_INTERVAL = 0.0005
THREADS_PER_CORE = 4  # at most
# Names of ``torch.cpu.get_capabilities``: Intel's matrix unit; Intel's and AMD's vectors; Arm from v8.6 on.
BFLOAT16_CAPABILITIES = ("amx_bf16", "avx512_bf16", "bf16")


def resolve_device(name: str | torch.device) -> torch.device:
    """Turns "auto", "cpu", "cuda", "cuda:N" or "mps" into a device; "auto" takes the fastest one there is.

    Raises:
        VosError: another word, or a device that this machine lacks.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise VosError(f"device={name} is unknown; use auto, cpu, cuda, cuda:N or mps") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise VosError(f"device={name}: this machine has {torch.cuda.device_count()} CUDA devices; use device=auto")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise VosError("device=mps: this machine has none; use device=auto")
    if device.type not in ("cpu", "cuda", "mps"):
        raise VosError(f"device={name} is not supported; use auto, cpu, cuda, cuda:N or mps")
    return device


def resolve_precision(name: str, device: torch.device) -> str:
    """Turns "auto", "float32" or "bfloat16" into one of the latter two.

    "auto" is bfloat16 where the device has it in hardware, and float32 elsewhere. What the device can do decides, and
    no measured time: a busy minute must not change masks.

    Raises:
        VosError: another word.
    """
    if name == "auto":
        if device.type == "cuda":
            return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
        return "bfloat16" if device.type == "cpu" and has_bfloat16() else "float32"
    if name not in ("float32", "bfloat16"):
        raise VosError(f"precision={name} is unknown; use auto, float32 or bfloat16")
    return name


@cache
def has_bfloat16() -> bool:
    """Tells whether the processor multiplies in bfloat16 in hardware, and PyTorch has the library that lets it."""
    capabilities = torch.cpu.get_capabilities()
    return torch.backends.mkldnn.is_available() and any(capabilities.get(name) for name in BFLOAT16_CAPABILITIES)


def set_threads(threads: int | None, embedded: bool) -> None:
    """Tells PyTorch how many threads one operation may use, and Python's how soon to take turns.

    For entry points only, since both are global.

    The embedded model's encoder and decoder run side by side on threads of their own: with half of the cores each they
    do not get into each other's way. SAM's encoder gets them all.

    Args:
        threads: as the user wants it; None = as above.
        embedded: model=nano.

    Raises:
        VosError: so many that they would only keep each other waiting.
    """
    most = THREADS_PER_CORE * available_cores()
    if threads is not None and threads > most:
        raise VosError(f"threads={threads} is too many for {available_cores()} cores; use at most {most}, or null")
    sys.setswitchinterval(SWITCH_INTERVAL)
    if threads is not None:
        torch.set_num_threads(threads)
    elif embedded:
        torch.set_num_threads(max(1, available_cores() // 2))


def free_cores(device: torch.device) -> int:
    """Tells how many operations can run side by side: cores by the threads of one operation; 1 on other devices."""
    return max(1, available_cores() // torch.get_num_threads()) if device.type == "cpu" else 1
