"""Which engine and which precision a user's words mean."""

from __future__ import annotations

import importlib.util

import torch

from vos.errors import VosError
from vos.sam.device import resolve_precision
from vos.sam.engines.conversion import core

ENGINES = ("auto", "torch", "openvino")


def resolve_engine(engine: str, precision: str, device: torch.device, is_sam: bool) -> tuple[str, str]:
    """Turns the options into "torch" or "openvino", and "float32" or "bfloat16".

    "auto" is OpenVINO for SAM on a CPU, where it is installed and computes in the precision that is asked for.

    Args:
        engine: auto, torch or openvino.
        precision: auto, float32 or bfloat16; see :func:`vos.sam.device.resolve_precision`.
        device: as it was resolved.
        is_sam: the model is one of SAM's; no other is computed by OpenVINO.

    Raises:
        VosError: another word, or an engine that cannot run here.
    """
    if engine not in ENGINES:
        raise VosError(f"engine={engine} is unknown; use {', '.join(ENGINES[:-1])} or {ENGINES[-1]}")
    wanted = resolve_precision(precision, device)
    if engine == "torch":
        return engine, wanted
    reason = _why_not(device, is_sam)
    if engine == "auto" and (reason or (wanted == "bfloat16" and not _has_bfloat16())):
        return "torch", wanted
    if reason:
        raise VosError(f"engine=openvino: {reason}")
    if wanted == "bfloat16" and not _has_bfloat16():
        if precision != "auto":
            raise VosError("engine=openvino: OpenVINO has no bfloat16 on this processor; use precision=float32")
        wanted = "float32"
    return "openvino", wanted


def _why_not(device: torch.device, is_sam: bool) -> str:
    """Says why OpenVINO cannot be used, and what to do; nothing if it can."""
    if not is_sam:
        return "it computes SAM alone; use engine=auto with other models"
    if device.type != "cpu":
        return f"it is for CPUs, not for {device}; use engine=auto, or device=cpu"
    if importlib.util.find_spec("openvino") is None:
        return "OpenVINO is not installed; run: pip install 'vos[openvino]'"
    try:
        core()
    except (ImportError, RuntimeError, AttributeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
        return f"OpenVINO does not load ({reason}); run: pip install --force-reinstall openvino"
    return ""


def _has_bfloat16() -> bool:
    """Tells whether OpenVINO computes in bfloat16 on this processor."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
