"""A training step as one recorded CUDA graph: replayed, its thousands of small kernels need no Python between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

Figures = dict[str, torch.Tensor]
WARM_UP = 3  # steps before the recording: libraries set themselves up in them


class RecordedStep:
    """Runs a step; on a GPU it is recorded after some times and replayed from then on.

    Args:
        step: from a batch to figures. All its work on the GPU has to be the same for every batch but for the numbers in
            it: no look at a tensor's values, no sizes that depend on them, random numbers from ``generator`` only.
        generator: of the step's random numbers; may be seeded anew before each step.
        eager: record nothing.
    """

    def __init__(
        self, step: Callable[[Sequence[torch.Tensor]], Figures], generator: torch.Generator, eager: bool = False
    ) -> None:
        self.step, self.generator = step, generator
        self.records = generator.device.type == "cuda" and not eager
        self.count = 0

    def __call__(self, batch: Sequence[torch.Tensor]) -> Figures:
        """One step; the figures are its own to keep."""
        self.count += 1
        if not self.records:
            return self.step(batch)
        if self.count <= WARM_UP:
            return self._beside(batch)
        if self.count == WARM_UP + 1:
            self._record(batch)
        for mine, theirs in zip(self.batch, batch):
            mine.copy_(theirs, non_blocking=True)
        self.graph.replay()
        return {name: value.clone() for name, value in self.figures.items()}

    def _beside(self, batch: Sequence[torch.Tensor]) -> Figures:
        """On another stream than the default one, as what is to be recorded must be."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            figures = self.step(batch)
        torch.cuda.current_stream().wait_stream(stream)
        return figures

    def _record(self, batch: Sequence[torch.Tensor]) -> None:
        self.batch = [tensor.clone() for tensor in batch]
        self.graph = torch.cuda.CUDAGraph()
        self.graph.register_generator_state(self.generator)
        # Thread by thread: the data loader pins memory meanwhile.
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.figures = self.step(self.batch)
