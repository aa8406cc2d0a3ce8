"""A decoder that takes clicks and boxes learns alone; the rest of the model stays.

With ``--guided`` it is the one that reads guidance and goes on from the decoder of clicks that there is, on whole
objects, batch norms as they are; its file holds nothing else (``vos/weights/clicks.safetensors``).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file

from training.encoding import encode_with_features
from training.interaction import CLICKS, FIGURES, Interaction
from training.photos import PhotoPool
from training.regions import RegionDataset
from training.task import data_loader, training_ids
from training.trainer import Trainer, channels_last
from vos.sam.nano.network import INTERACTIVE_PREFIX, Decoder, NanoNetwork, NanoWeights

RATE = 1e-3
GUIDED_CLICKS = 4


class ClicksTask:
    """Trains the second decoder on photos prompted by clicks and boxes.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.figures = ("loss", *FIGURES)
        self.network, self.trainer = make_decoder_trainer(options.init, options.rate, options.device, options.guided)
        self.trainer.resume(options.out)
        self.trainer.network.train(not options.guided)
        for module in (self.network, self.trainer.network):
            channels_last(module)

    def batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yields per step left: photos and the masks of their regions."""
        options, done = self.options, self.trainer.step
        further = None if options.further is None else PhotoPool(options.further, training_ids(options.further, "coco"))
        pool = PhotoPool(options.data, training_ids(options.data, options.exclude, options.further), further)
        left = max(0, options.steps - done)
        views = RegionDataset(
            pool,
            options.size,
            options.regions,
            options.seed,
            left * options.photos,
            done * options.photos,
            objects=options.guided,
        )
        for batch in data_loader(views, options.photos, options):
            yield tuple(part.to(options.device, non_blocking=True) for part in batch)

    def step(self, batch: Sequence[torch.Tensor], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Learns from a batch; returns the step's figures."""
        images, masks = batch
        autocast = not self.options.float32
        with torch.no_grad():
            features, *levels = encode_with_features(self.network, images, autocast)
        guided, clicks = (features, GUIDED_CLICKS) if self.options.guided else (None, CLICKS)
        run = Interaction(self.trainer.network, tuple(levels), masks, generator, autocast, guided, clicks)
        loss, figures = run.run()
        self.trainer.descend(loss)
        return figures | {"loss": loss.detach()}


def make_decoder_trainer(
    init: Path, rate: float = RATE, device: torch.device | str = "cpu", guided: bool = False
) -> tuple[NanoNetwork, Trainer[Decoder]]:
    """The network whose encoder is used as it is, and the decoder to be trained.

    It begins as the tracker's, or, with guidance, as the decoder of clicks that the file has.
    """
    others = {name: value for name, value in load_file(init).items() if not name.startswith(INTERACTIVE_PREFIX)}
    weights = NanoWeights.load(init)
    network = weights.network.to(device)
    decoder = Decoder().to(device)
    begin = weights.interactive_decoder if guided else None
    decoder.load_state_dict((begin or network.decoder).state_dict())
    kept = {} if guided else others
    return network.eval(), Trainer(decoder, [(list(decoder.parameters()), rate)], INTERACTIVE_PREFIX, kept)
