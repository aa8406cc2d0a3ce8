"""Convolutions with their activation: one pass over memory where oneDNN offers it, and float32 where bfloat16 hurts.

Eager PyTorch runs convolution and activation, or sum, as two passes, and the early layers of an encoder are bound by
memory. oneDNN's convolution takes what follows it along: the operator of ``torch.compile``. The functions around it are
TorchScript, because ``torch.jit.trace`` refuses the operator's numbers, which may be of any type, from Python.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, Optional, Union

import torch
import torch.nn.functional as F
from torch import nn

from vos.geometry import SizeHW

TESTED_VERSIONS = ("2.13.0",)  # of PyTorch, in which the private operators are known to be right (constraints.txt)
_BACKEND: Any = torch.backends.mkldnn  # its functions have no types
HAS_FUSED: bool = _BACKEND.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
HAS_REORDER = hasattr(torch.ops.mkldnn, "_reorder_convolution_weight")
_can_bfloat16: Callable[[], bool] = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)

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
    numbers: list[Optional[Union[int, float, complex]]] = []
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
    numbers: list[Optional[Union[int, float, complex]]] = []
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

Activation = Literal["none", "relu", "relu6"]

_ACTIVATIONS: dict[Activation, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": torch.Tensor.clone,
    "relu": F.relu,
    "relu6": F.relu6,
}
# oneDNN's names and arguments.
_FUSED: dict[Activation, tuple[str, list[float]]] = {
    "none": ("none", []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", [0.0, 6.0]),
}
PACKED_SIZES = 16  # of inputs, for which laid out weights are kept


@cache
def fused_is_right(dtype: torch.dtype) -> bool:
    """Says whether oneDNN's private operators may be used for inputs of ``dtype``.

    They may change without notice. In a PyTorch in which this code was not tested, they are used only where a small
    convolution comes out as the public operators have it; tried once, at the first use.
    """
    if dtype == torch.bfloat16 and not _can_bfloat16():  # a processor from before AVX-512: slowly by other ways
        return False
    if not HAS_FUSED or torch.__version__.partition("+")[0] in TESTED_VERSIONS:
        return HAS_FUSED
    try:
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            return all(_agrees(dtype, groups) for groups in (1, 8))
    except Exception:  # whatever a private operator may raise: the public ones are slower, nothing worse
        return False


def _agrees(dtype: torch.dtype, groups: int) -> bool:
    """Compares a 3x3 convolution of 8 channels, its activations and its sum with PyTorch's public operators."""
    x, onto = (torch.arange(480.0).add(k).sin().view(2, 8, 5, 6) for k in range(2))
    weight, bias = torch.arange(8 * (8 // groups) * 9.0).cos().view(8, -1, 3, 3) * 3, torch.arange(8.0) - 4
    x, onto, weight = (each.to(dtype, memory_format=torch.channels_last) for each in (x, onto, weight))
    bias, shape = bias.to(dtype), ([1, 1], [1, 1], [1, 1], groups)
    plain = F.conv2d(x, weight, bias, padding=1, groups=groups)
    weights = [weight, _laid_out(weight, *shape, x)] if HAS_REORDER else [weight]
    pairs = []
    for each in weights:
        for activation, (name, limits) in _FUSED.items():
            pairs.append((convolve(x, each, bias, *shape, name, limits), _ACTIVATIONS[activation](plain)))
        pairs.append(
            (convolve_onto(onto.clone(memory_format=torch.channels_last), x, each, bias, *shape), plain + onto)
        )
    rtol, atol = (1e-4, 1e-4) if dtype == torch.float32 else (0.03, 0.1)
    return all(torch.allclose(fused.float(), public.float(), rtol, atol) for fused, public in pairs)


def _laid_out(
    weight: torch.Tensor, padding: list[int], stride: list[int], dilation: list[int], groups: int, x: torch.Tensor
) -> torch.Tensor:
    """Sorts weights into the order in which oneDNN reads them for an input like x."""
    laid_out: torch.Tensor = torch.ops.mkldnn._reorder_convolution_weight(
        weight, padding, stride, dilation, groups, list(x.shape)
    )
    return laid_out


_notes = threading.local()  # weights: what the convolutions of this thread read, while somebody wants to know


@contextmanager
def laid_out_weights() -> Iterator[list[torch.Tensor]]:
    """Notes the weights, as laid out for their inputs, that this thread's convolutions read in the ``with`` block."""
    _notes.weights = []
    try:
        yield _notes.weights
    finally:
        del _notes.weights


class Convolution(nn.Conv2d):
    """``nn.Conv2d`` followed by an activation; same parameters, same names.

    Without gradients on a CPU the two are one fused operation, in the precision of the input. With gradients,
    depthwise convolutions stay in float32 even under autocast: there is no matrix product in them for bfloat16 to
    speed up, and oneDNN's bfloat16 gradient of them is slower.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        bias: bool = True,
        activation: Activation = "none",
    ) -> None:
        padding = kernel // 2 if padding is None else padding
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=bias)
        self.activation: Activation = activation
        self._packed: dict[SizeHW, torch.Tensor] | None = None
        self._spread = [padding, padding]

    def freeze(self) -> None:
        """Declares that the weights do not change any more: they are laid out only once per input size."""
        self._packed = {}

    def __getstate__(self) -> dict[str, Any]:
        # A copy may be made to be changed.
        return {**self.__dict__, "_packed": None}

    def forward(self, x: torch.Tensor, onto: torch.Tensor | None = None) -> torch.Tensor:
        """Convolves x (B, C, h, w); returns that, or its sum with ``onto``, where given.

        Without gradients the sum may take the place of ``onto``, of which nobody else may have need: a sum on its own
        is one more pass over memory.
        """
        if x.device.type == "cpu" and not torch.is_grad_enabled() and fused_is_right(x.dtype):
            return self._fused(x, onto)
        y = self._activated(x)
        return y if onto is None else y + onto

    def _activated(self, x: torch.Tensor) -> torch.Tensor:
        if x.device.type == "cpu" and self.groups > 1:
            with torch.autocast("cpu", enabled=False):
                y = super().forward(x.to(self.weight.dtype))
        else:
            y = super().forward(x)
        return y if self.activation == "none" else _ACTIVATIONS[self.activation](y)

    def _fused(self, x: torch.Tensor, onto: torch.Tensor | None) -> torch.Tensor:
        name, limits = _FUSED[self.activation]
        bias = None if self.bias is None else self.bias.to(x.dtype)
        shape = (self._spread, list(self.stride), list(self.dilation), self.groups)
        if onto is not None and self._can_add(onto, x):
            total: torch.Tensor = convolve_onto(onto, x, self._laid_out(x), bias, *shape)
            return total
        result: torch.Tensor = convolve(x, self._laid_out(x), bias, *shape, name, limits)
        return result if onto is None else result.add_(onto)

    def _can_add(self, onto: torch.Tensor, x: torch.Tensor) -> bool:
        """Whether oneDNN can put the sum into the memory of ``onto``."""
        plain = self.activation == "none" and onto.dtype == x.dtype and len(onto) == len(x)
        return plain and onto.is_contiguous(memory_format=torch.channels_last)

    def _laid_out(self, x: torch.Tensor) -> torch.Tensor:
        """The weights in the order in which oneDNN reads them for this input; else it sorts them at every call."""
        if self._packed is None or self.weight.dtype != x.dtype or not HAS_REORDER:
            return self.weight.to(x.dtype)
        # Plain numbers: within a trace the sizes of a tensor are tensors, which are no two times the same key.
        known, size = self._packed, (int(x.shape[-2]), int(x.shape[-1]))
        packed = known.get(size)
        if packed is None:
            packed = _laid_out(self.weight, self._spread, list(self.stride), list(self.dilation), self.groups, x)
            # A new dictionary: other threads may be reading this one.
            self._packed = {**known, size: packed} if len(known) < PACKED_SIZES else {size: packed}
        noted = getattr(_notes, "weights", None)
        if noted is not None:
            noted.append(packed)
        return packed
