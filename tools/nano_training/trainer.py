"""A network under training with its running average and optimizer: what a checkpoint holds."""

from __future__ import annotations

import copy
import csv
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Generic, TypeVar

import torch
from safetensors.torch import save_file
from torch import nn

from nano_training.plot import write_plot

SAVE_EVERY, LOG_EVERY = 250, 50  # steps
FORMAT = {"format": "vos-nano-2"}


Network = TypeVar("Network", bound=nn.Module)


class Trainer(Generic[Network]):
    """Steps, schedule, running average and files of a run.

    Args:
        network: to be trained.
        groups: parameters and their highest learning rates.
        prefix: of the network's tensors in the weights file.
        others: further tensors of that file, as they are.
    """

    def __init__(
        self,
        network: Network,
        groups: Sequence[tuple[list[nn.Parameter], float]],
        prefix: str = "",
        others: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        self.network, self.prefix, self.others = network, prefix, dict(others or {})
        self.average = copy.deepcopy(network).eval()
        rates = [{"params": parameters, "base": rate} for parameters, rate in groups]
        self.optimizer = torch.optim.AdamW(rates, lr=groups[-1][1], betas=(0.9, 0.99), weight_decay=1e-2)
        self.step = 0

    def save(self, folder: Path) -> None:
        """Writes ``checkpoint.pt`` (to go on) and ``nano.safetensors`` (float16, to use), atomically."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        torch.save(state, folder / "checkpoint.pt.partial")
        (folder / "checkpoint.pt.partial").replace(folder / "checkpoint.pt")
        weights = self.others | {
            self.prefix + name: value.half().contiguous()
            for name, value in self.average.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
        save_file(weights, folder / "nano.safetensors.partial", FORMAT)
        (folder / "nano.safetensors.partial").replace(folder / "nano.safetensors")
        shutil.copyfile(folder / "nano.safetensors", folder / f"step-{self.step}.safetensors")  # for averaging

    def resume(self, folder: Path) -> None:
        """Goes on from ``checkpoint.pt`` where there is one."""
        path = folder / "checkpoint.pt"
        if path.exists():
            state = torch.load(path, weights_only=True)
            for name in ("network", "average", "optimizer"):
                getattr(self, name).load_state_dict(state[name])
            self.step = state["step"]

    def set_rate(self, steps: int, decay: int) -> float:
        """Warm-up, plateau, linear fall over the last ``decay`` steps; returns the factor."""
        factor = min(1.0, (self.step + 1) / 100, max(0.01, (steps - self.step) / decay))
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * factor
        return factor

    def update(self, loss: torch.Tensor) -> None:
        """One optimizer step, then the running average of weights and batch-norm statistics."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(0.998, self.step / (self.step + 10))
        with torch.no_grad():
            for mine, theirs in zip(self.average.state_dict().values(), self.network.state_dict().values()):
                if mine.is_floating_point():
                    mine.lerp_(theirs, 1 - keep)
                else:
                    mine.copy_(theirs)


def channels_last(network: nn.Module) -> None:
    """Puts the weights of convolutions into the memory format in which they run fastest."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


class Logbook:
    """Writes down what the steps of a run gave, and saves it now and then.

    Args:
        trainer: of the run.
        folder: for ``log.csv``, its picture, and the trainer's files.
        figures: names of what every step, or some of them, give.
        size: side of a view, pixels.
        steps: where the run ends.
    """

    def __init__(self, trainer: Trainer[Network], folder: Path, figures: Sequence[str], size: int, steps: int) -> None:
        self.trainer, self.folder, self.figures, self.size, self.steps = trainer, folder, figures, size, steps
        self._begin()

    def _begin(self) -> None:
        self.seen: dict[str, list[float]] = {name: [] for name in self.figures}
        self.clock = time.monotonic()

    def enter(self, figures: Mapping[str, float], rate: float) -> None:
        """Takes the figures of the step that has just been made, and the factor of its learning rate."""
        for name, value in figures.items():
            self.seen[name].append(value)
        step, log = self.trainer.step, self.folder / "log.csv"
        if step % LOG_EVERY == 0:
            head = {"step": step, "size": self.size, "rate": rate, "seconds": time.monotonic() - self.clock}
            row = head | {name: mean(values) for name, values in self.seen.items() if values}
            write_log(log, row, (*head, *self.figures))
            self._begin()
        if step % SAVE_EVERY == 0 or step == self.steps:
            self.trainer.save(self.folder)
            if log.exists():
                write_plot(log, self.folder / "training.png")


def write_log(path: Path, row: Mapping[str, float], columns: Sequence[str]) -> None:
    """Appends one row of figures and prints it."""
    print("  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()), flush=True)
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns)
        if new:
            writer.writeheader()
        writer.writerow({k: f"{v:.5g}" for k, v in row.items()})
