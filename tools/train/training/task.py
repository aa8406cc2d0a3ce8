"""What a run trains, and how its batches are made: the frame that both tasks fill."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from training.photos import photo_ids
from training.trainer import Trainer

Loader = DataLoader[tuple[torch.Tensor, torch.Tensor]]

HELD_OUT_EVERY = 10  # every tenth photo is never trained on: clicks and boxes are measured there


class Task(Protocol):
    """What a run trains."""

    @property
    def trainer(self) -> Trainer[Any]:
        """The network under training with its optimizer."""

    @property
    def figures(self) -> Sequence[str]:
        """The names of what a step gives."""

    def batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yields a batch for every step that is left, on the run's device."""

    def step(self, batch: Sequence[torch.Tensor], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Learns from a batch; returns the step's figures."""


HELD_OUT_LIST = "holdout_ids.txt"  # of a folder: further photos that are never trained on, from whichever folder


def training_ids(root: Path, exclude: str, beside: Path | None = None) -> list[str]:
    """Lists the ids of photos that may be trained on: not held out, by a list in ``beside`` neither, not excluded."""
    lists = [folder / HELD_OUT_LIST for folder in (root, beside) if folder is not None]
    held_out = {photo_id for path in lists if path.exists() for photo_id in path.read_text().split()}
    ids = [photo_id for number, photo_id in enumerate(photo_ids(root)) if number % HELD_OUT_EVERY]
    return [each for each in ids if each not in held_out and not (exclude and each.startswith(exclude))]


def data_loader(data: Dataset[tuple[torch.Tensor, torch.Tensor]], batch: int, options: argparse.Namespace) -> Loader:
    """Batches in order, made ahead by processes of their own."""
    return DataLoader(
        data,
        batch_size=batch,
        num_workers=options.workers,
        prefetch_factor=2 if options.workers else None,
        pin_memory=options.device.type == "cuda",
        worker_init_fn=_one_thread,
    )


def _one_thread(_: int) -> None:
    cv2.setNumThreads(1)  # workers share the cores already
