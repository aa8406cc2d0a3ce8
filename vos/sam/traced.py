"""A function of tensors that becomes one operation, so that threads do not wait for each other.

Every operation of PyTorch lets Python's lock go and takes it again. Where several threads run many small ones, each of
them waits for the others at every turn, and may come back on another core, to a cold cache.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import torch

PATIENCE = 4  # calls with the same sizes before they are traced, which takes as long as several calls
# Traces at most, of the first sizes that come often enough: PyTorch gives some megabytes of each back to nobody, so
# that new ones in the place of old ones would add up.
KEPT_SIZES = 4

Sizes: TypeAlias = tuple[torch.Size, ...]


def no_constants() -> AbstractContextManager[list[torch.Tensor]]:
    """Of a function that reads nothing but its inputs, or only what a trace can hold."""
    return nullcontext([])


class Traced:
    """Calls a function, by ``torch.jit.trace`` where its inputs' sizes have come often enough; CPU only, no gradients.

    Args:
        function: of tensors, without branches that depend on their values; gives tensors.
        constants: notes, while the function runs, the tensors that it reads besides, which never change and which a
            trace cannot hold: weights in oneDNN's own layout. The trace is handed them at every call.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        constants: Callable[[], AbstractContextManager[list[torch.Tensor]]] = no_constants,
    ) -> None:
        self.function, self.constants = function, constants
        self._calls: dict[Sizes, int] = {}
        self._traces: dict[Sizes, Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Traced], tuple[Any, ...]]:
        return Traced, (self.function, self.constants)  # a copy traces for itself

    def __call__(self, *inputs: torch.Tensor) -> Any:
        """What the function gives for these inputs."""
        if inputs[0].device.type != "cpu" or torch.is_grad_enabled():
            return self.function(*inputs)
        sizes = tuple(x.shape for x in inputs)
        return (self._traces.get(sizes) or self._noticed(sizes, inputs) or self.function)(*inputs)

    def _trace(self, inputs: tuple[torch.Tensor, ...]) -> Callable[..., Any]:
        """The function for inputs like these as one operation; itself where this PyTorch cannot do that."""
        with self.constants() as noted:
            self.function(*inputs)
        constants, count = tuple(noted), len(inputs)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about branches on sizes, which are the same at every call
                # PyTorch knows the constants by their identity, and a function by its being one, not a method.
                trace = torch.jit.trace(
                    lambda *given: self.function(*given[:count]), (*inputs, *constants), check_trace=False
                )
        except (RuntimeError, AttributeError, NotImplementedError):
            return self.function
        return lambda *given: trace(*given, *constants)

    def _noticed(self, sizes: Sizes, inputs: tuple[torch.Tensor, ...]) -> Callable[..., Any] | None:
        """Counts the call; the trace for these sizes if it is time for one."""
        with self._lock:
            if sizes in self._traces or len(self._traces) >= KEPT_SIZES:
                return self._traces.get(sizes)
            calls = self._calls.get(sizes, 0) + 1
            self._calls = {**self._calls, sizes: calls} if len(self._calls) < 4 * KEPT_SIZES else {sizes: calls}
            if calls <= PATIENCE:
                return None
            trace = self._trace(inputs)
            self._traces = {**self._traces, sizes: trace}  # anew: other threads may be reading the old one
            return trace
