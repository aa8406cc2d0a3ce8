"""A function of a tensor that becomes one operation, so that threads do not wait for each other.

Every operation of PyTorch lets Python's lock go and takes it again. Where several threads run many small ones, each of
them waits for the others at every turn, and may come back on another core, to a cold cache.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import torch

PATIENCE = 4  # calls with one size before it is traced, which takes as long as several calls
KEPT_SIZES = 4


class Traced:
    """Calls a function, by ``torch.jit.trace`` where a size has come often enough; CPU only, without gradients.

    Args:
        function: of one tensor, without branches that depend on its values; gives tensors.
    """

    def __init__(self, function: Callable[[torch.Tensor], Any]) -> None:
        self.function = function
        self._calls: dict[torch.Size, int] = {}
        self._traces: dict[torch.Size, Callable[[torch.Tensor], Any]] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Traced], tuple[Any, ...]]:
        return Traced, (self.function,)  # a copy traces for itself

    def __call__(self, x: torch.Tensor) -> Any:
        """What the function gives for x."""
        if x.device.type != "cpu" or torch.is_grad_enabled():
            return self.function(x)
        trace = self._traces.get(x.shape)
        return (trace or self._noticed(x) or self.function)(x)

    def _trace(self, x: torch.Tensor) -> Callable[[torch.Tensor], Any]:
        """The function for inputs like x as one operation; itself where this PyTorch cannot do that."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about branches on sizes, which are the same at every call
                trace: Callable[[torch.Tensor], Any] = torch.jit.trace(self._call, (x,), check_trace=False)
            return trace
        except (RuntimeError, AttributeError, NotImplementedError):
            return self.function

    def _call(self, x: torch.Tensor) -> Any:
        return self.function(x)  # a method of a module is refused

    def _noticed(self, x: torch.Tensor) -> Callable[[torch.Tensor], Any] | None:
        """Counts the call; the trace for this size if it is time for one."""
        with self._lock:
            calls = self._calls.get(x.shape, 0) + 1
            self._calls = {**self._calls, x.shape: calls} if len(self._calls) < 4 * KEPT_SIZES else {x.shape: calls}
            if calls <= PATIENCE or x.shape in self._traces:
                return self._traces.get(x.shape)
            trace = self._trace(x)
            # A new dictionary: other threads may be reading this one.
            others = self._traces if len(self._traces) < KEPT_SIZES else {}
            self._traces = {**others, x.shape: trace}
            return trace
