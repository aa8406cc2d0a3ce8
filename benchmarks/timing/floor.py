"""The least time that an image encoder can take: its matrix products and convolutions at this machine's own rates.

    python benchmarks/timing/floor.py

prints a line of JSON. A process of its own, which leaves the memory of its matrices to nobody.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

SIDE, BYTES, TIMES = 2048, 2**28, 7
MODELS = ("nano", "vit_t", "vit_b")
NANO_INPUT = (448, 768)  # of one object in a frame of 854x480


class Work(TorchDispatchMode):
    """Notes, of every operation that multiplies matrices or convolves, how much it computes and how much it moves."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.done: list[tuple[int, int]] = []  # multiplications and additions; numbers read and written

    def __torch_dispatch__(
        self, function: Any, kinds: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Does an operation, as PyTorch asks for it."""
        out = function(*args, **(kwargs or {}))
        if (count := flop_registry.get(function.overloadpacket)) is not None:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, torch.Tensor)]
            self.done.append((count(*args, **(kwargs or {}), out_val=out), sum(one.numel() for one in tensors)))
        return out


def encoder_work(model: str) -> list[tuple[int, int]]:
    """Lists the work of encoding one frame; no numbers are computed."""
    work = Work()
    with (
        torch.device("meta"),
        torch.no_grad(),
        mock.patch.object(torch, "is_autocast_enabled", return_value=False),  # neither is known to the meta device
        mock.patch.object(torch, "autocast", return_value=nullcontext()),
        work,
    ):
        if model == "nano":
            from vos.sam.nano.network import NanoNetwork

            NanoNetwork().eval().encode(torch.empty(1, 3, *NANO_INPUT))
        else:
            from vos.sam.official.network import INPUT_SIZE, SamNetwork

            SamNetwork(model).eval().image_encoder(torch.empty(1, 3, INPUT_SIZE, INPUT_SIZE))
    return work.done


def best(work: Callable[[], object]) -> float:
    """Times something; returns the median of some calls after the first."""
    work()
    taken = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def matrix_rate(dtype: torch.dtype) -> float:
    """Measures operations per second of a product of large matrices."""
    a, b = torch.ones(SIDE, SIDE, dtype=dtype), torch.ones(SIDE, SIDE, dtype=dtype)
    return 2 * SIDE**3 / best(lambda: a @ b)


def bandwidth() -> float:
    """Measures bytes per second of a copy, read and written."""
    a, b = torch.ones(BYTES, dtype=torch.uint8), torch.zeros(BYTES, dtype=torch.uint8)
    return 2 * BYTES / best(lambda: b.copy_(a))


def main() -> None:
    """Prints what was measured, and the floors in seconds by model and precision."""
    moved = bandwidth()
    measured: dict[str, object] = {"bandwidth": moved}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        rate = matrix_rate(dtype)
        floors = {
            model: sum(max(work / rate, numbers * dtype.itemsize / moved) for work, numbers in encoder_work(model))
            for model in MODELS
        }
        measured[name] = {"rate": rate, **floors}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
