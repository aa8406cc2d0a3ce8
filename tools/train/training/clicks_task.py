"""The second decoder, which takes clicks and boxes, learns alone; the rest of the model stays."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file

from training.encoding import encode_photos
from training.interaction import FIGURES, Interaction
from training.photos import PhotoPool
from training.regions import RegionDataset
from training.task import data_loader, training_ids
from training.trainer import Trainer, channels_last
from vos.sam.nano.network import INTERACTIVE_PREFIX, Decoder, NanoNetwork, NanoWeights

RATE = 1e-3


class ClicksTask:
    """Trains the second decoder on photos prompted by clicks and boxes.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.figures = ("loss", *FIGURES)
        self.network, self.trainer = make_decoder_trainer(options.init, options.rate, options.device)
        self.trainer.resume(options.out)
        self.trainer.network.train()
        for module in (self.network, self.trainer.network):
            channels_last(module)

    def batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yields per step left: photos and the masks of their regions."""
        options, done = self.options, self.trainer.step
        pool = PhotoPool(options.data, training_ids(options.data, options.exclude))
        left = max(0, options.steps - done)
        views = RegionDataset(
            pool, options.size, options.regions, options.seed, left * options.photos, done * options.photos
        )
        for batch in data_loader(views, options.photos, options):
            yield tuple(part.to(options.device, non_blocking=True) for part in batch)

    def step(self, batch: Sequence[torch.Tensor], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Learns from a batch; returns the step's figures."""
        images, masks = batch
        autocast = not self.options.float32
        with torch.no_grad():
            levels = encode_photos(self.network, images, autocast)
        loss, figures = Interaction(self.trainer.network, levels, masks, generator, autocast).run()
        self.trainer.descend(loss)
        return figures | {"loss": loss.detach()}


def make_decoder_trainer(
    init: Path, rate: float = RATE, device: torch.device | str = "cpu"
) -> tuple[NanoNetwork, Trainer[Decoder]]:
    """The network whose encoder is used as it is, and the decoder to be trained, which begins as the tracker's."""
    others = {name: value for name, value in load_file(init).items() if not name.startswith(INTERACTIVE_PREFIX)}
    network = NanoWeights.load(init).network.to(device)
    decoder = Decoder().to(device)
    decoder.load_state_dict(network.decoder.state_dict())
    return network.eval(), Trainer(decoder, [(list(decoder.parameters()), rate)], INTERACTIVE_PREFIX, others)
