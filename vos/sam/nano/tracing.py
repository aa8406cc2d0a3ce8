"""A function of a tensor that becomes one operation, so that threads do not wait for each other.

Every operation of PyTorch lets Python's lock go and takes it again. Where several threads run many small ones, each of
them waits for the others at every turn, and may come back on another core, to a cold cache.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

PATIENCE = 4  # calls with one size before it is traced, which takes as long as several calls
# Traces at most, of the first sizes that come often enough: PyTorch gives some megabytes of each back to nobody, so
# that new ones in the place of old ones would add up.
KEPT_SIZES = 4


def no_constants() -> AbstractContextManager[list[torch.Tensor]]:
    """Notes nothing, of a function that reads nothing but its input, or only what a trace can hold."""
    return nullcontext([])


class Traced:
    """Calls a function, by ``torch.jit.trace`` where a size has come often enough; CPU only, without gradients.

    Args:
        function: of one tensor, without branches that depend on its values; gives tensors.
        constants: notes, while the function runs, the tensors that it reads besides, which never change and which a
            trace cannot hold: weights in oneDNN's own layout. The trace is handed them at every call.
    """

    def __init__(
        self,
        function: Callable[[torch.Tensor], Any],
        constants: Callable[[], AbstractContextManager[list[torch.Tensor]]] = no_constants,
    ) -> None:
        self.function, self.constants = function, constants
        self._calls: dict[torch.Size, int] = {}
        self._traces: dict[torch.Size, Callable[[torch.Tensor], Any]] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Traced], tuple[Any, ...]]:
        return Traced, (self.function, self.constants)  # a copy traces for itself

    def __call__(self, x: torch.Tensor) -> Any:
        """Returns what the function gives for x."""
        if x.device.type != "cpu" or torch.is_grad_enabled():
            return self.function(x)
        return (self._traces.get(x.shape) or self._noticed(x) or self.function)(x)

    def _trace(self, x: torch.Tensor) -> Callable[[torch.Tensor], Any]:
        """The function for inputs like x as one operation; itself where this PyTorch cannot do that."""
        with self.constants() as noted:
            self.function(x)
        constants = tuple(noted)
        jit: Any = torch.jit  # its functions have no types
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about branches on sizes, which are the same at every call
                # PyTorch knows the constants by their identity, and a function by its being one, not a method.
                trace = jit.trace(lambda y, *_: self.function(y), (x, *constants), check_trace=False)
        except (RuntimeError, AttributeError, NotImplementedError):
            return self.function
        return lambda y: trace(y, *constants)

    def _noticed(self, x: torch.Tensor) -> Callable[[torch.Tensor], Any] | None:
        """Counts the call; the trace for this size if it is time for one."""
        with self._lock:
            if x.shape in self._traces or len(self._traces) >= KEPT_SIZES:
                return self._traces.get(x.shape)
            calls = self._calls.get(x.shape, 0) + 1
            self._calls = {**self._calls, x.shape: calls} if len(self._calls) < 4 * KEPT_SIZES else {x.shape: calls}
            if calls <= PATIENCE:
                return None
            trace = self._trace(x)
            self._traces = {**self._traces, x.shape: trace}  # anew: other threads may be reading the old one
            return trace
