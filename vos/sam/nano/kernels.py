"""oneDNN's convolution together with what follows it, in one pass over memory: the operator of ``torch.compile``.

Eager PyTorch runs convolution and activation, or sum, as two passes, and the early layers of an encoder are bound by
memory. The functions are TorchScript, because ``torch.jit.trace`` refuses the operator's numbers, which may be of any
type, from Python.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Optional, Union

import torch

HAS_FUSED = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
HAS_REORDER = hasattr(torch.ops.mkldnn, "_reorder_convolution_weight")

# ruff: noqa: UP007, UP045 (TorchScript knows these spellings)


def _convolve(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: Optional[torch.Tensor],
    padding: list[int],
    stride: list[int],
    dilation: list[int],
    groups: int,
    activation: str,
    limits: list[float],
) -> torch.Tensor:
    numbers = torch.jit.annotate(list[Optional[Union[int, float, complex]]], [])
    for limit in limits:
        numbers.append(limit)
    y: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, weight, bias, padding, stride, dilation, groups, activation, numbers, ""
    )
    return y


def _convolve_onto(
    onto: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: Optional[torch.Tensor],
    padding: list[int],
    stride: list[int],
    dilation: list[int],
    groups: int,
) -> torch.Tensor:
    numbers = torch.jit.annotate(list[Optional[Union[int, float, complex]]], [])
    y: torch.Tensor = torch.ops.mkldnn._convolution_pointwise_(
        onto, x, weight, bias, padding, stride, dilation, groups, "add", 1.0, None, numbers, None
    )
    return y


def _scripted(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    if not HAS_FUSED:
        return function
    with warnings.catch_warnings():  # PyTorch recommends torch.compile, which needs a C++ compiler where it runs
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            scripted: Callable[..., torch.Tensor] = torch.jit.script(function)
        except (RuntimeError, AttributeError, NotImplementedError):  # a later PyTorch: slower, nothing worse
            return function
    return scripted


# (x, weight, bias, padding, stride, dilation, groups, oneDNN's name of the activation, its limits): the result.
convolve = _scripted(_convolve)
# (onto, x, weight, bias, padding, stride, dilation, groups): the result added to ``onto``, in place.
convolve_onto = _scripted(_convolve_onto)
