"""A network under training with its running average and optimizer: what a checkpoint holds."""

from __future__ import annotations

import copy
import csv
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import torch
from safetensors.torch import save_file
from torch import nn

from training.plot import write_plot

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
        # On a GPU the rates are tensors: a recorded step reads them anew.
        device = next(network.parameters()).device
        on_gpu = device.type == "cuda"
        rates = [
            {"params": parameters, "base": rate, "lr": torch.tensor(rate, device=device) if on_gpu else rate}
            for parameters, rate in groups
        ]
        self.optimizer = torch.optim.AdamW(rates, betas=(0.9, 0.99), weight_decay=1e-2, capturable=on_gpu, fused=on_gpu)
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
            self.prefix + name: value.half().cpu().contiguous()
            for name, value in self.average.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }
        save_file(weights, folder / "nano.safetensors.partial", FORMAT)
        (folder / "nano.safetensors.partial").replace(folder / "nano.safetensors")
        shutil.copyfile(folder / "nano.safetensors", folder / f"step-{self.step}.safetensors")  # for averaging

    def resume(self, folder: Path) -> None:
        """Goes on from ``checkpoint.pt`` where there is one, with this run's own learning rates, on its own device."""
        path = folder / "checkpoint.pt"
        if path.exists():
            state = torch.load(path, map_location=next(self.network.parameters()).device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            groups = self.optimizer.state_dict()["param_groups"]  # what they say of the device is true here
            self.optimizer.load_state_dict(state["optimizer"] | {"param_groups": groups})
            self.step = state["step"]

    def set_rate(self, factor: float) -> None:
        """Sets the learning rates to a share of their highest."""
        for group in self.optimizer.param_groups:
            rate = group["base"] * factor
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def descend(self, loss: torch.Tensor) -> None:
        """One step of the optimizer."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()

    def keep(self) -> None:
        """Counts the step, and brings the running average of weights and batch-norm statistics up to date."""
        self.step += 1
        keep = min(0.998, self.step / (self.step + 10))
        pairs = zip(self.average.state_dict().values(), self.network.state_dict().values())
        floating = [(mine, theirs) for mine, theirs in pairs if mine.is_floating_point()]  # the others only count
        with torch.no_grad():
            torch._foreach_lerp_([mine for mine, _ in floating], [theirs for _, theirs in floating], 1 - keep)


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
    """

    def __init__(self, trainer: Trainer[Network], folder: Path, figures: Sequence[str], size: int) -> None:
        self.trainer, self.folder, self.figures, self.size = trainer, folder, figures, size
        self.saved = trainer.step  # the step that the files are of
        self._begin()

    def _begin(self) -> None:
        self.seen: dict[str, list[torch.Tensor]] = {name: [] for name in self.figures}
        self.clock = time.monotonic()

    def enter(self, figures: Mapping[str, torch.Tensor], rate: float) -> None:
        """Takes the figures of the step that has just been made, and the factor of its learning rate.

        They stay on their device until they are written down: to ask for them would be to wait for it at every step.
        """
        for name, value in figures.items():
            self.seen[name].append(value.detach())
        step, log = self.trainer.step, self.folder / "log.csv"
        if step % LOG_EVERY == 0:
            head = {"step": step, "size": self.size, "rate": rate, "seconds": time.monotonic() - self.clock}
            known = {name: torch.stack(values).nanmean().item() for name, values in self.seen.items() if values}
            row = head | {name: value for name, value in known.items() if not math.isnan(value)}
            write_log(log, row, (*head, *self.figures))
            self._begin()
        if step % SAVE_EVERY == 0:
            self.save()

    def save(self) -> None:
        """Writes the trainer's files and a picture of the log, where there has been a step since the last time."""
        if self.saved == self.trainer.step:
            return
        log, self.saved = self.folder / "log.csv", self.trainer.step
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
