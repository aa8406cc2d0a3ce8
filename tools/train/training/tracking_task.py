"""The whole network learns to track; with regions prompted by clicks, both decoders and the encoder learn."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from training.encoding import encode_photos
from training.interaction import FIGURES as CLICK_FIGURES
from training.interaction import Interaction
from training.photos import PhotoPool
from training.regions import RegionDataset
from training.rounds import FIGURES, SceneRounds
from training.scenes import SceneDataset
from training.task import data_loader, training_ids
from training.trainer import Trainer, channels_last
from vos.sam.nano.network import INTERACTIVE_PREFIX, Decoder, NanoNetwork

RATE = 1.5e-3


class TrackingTask:
    """Trains on scenes and, with ``--regions``, on photos prompted by clicks.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.trainer = make_trainer(
            options.backbone, options.rate, options.init, options.regions > 0, options.device, options.all_blocks
        )
        self.figures = FIGURES + (CLICK_FIGURES if options.regions else ())
        self.trainer.resume(options.out)
        self.trainer.network.train()
        channels_last(self.trainer.network)

    def batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yields per step left: views and masks of scenes and, where regions are prompted, of photos."""
        options, done = self.options, self.trainer.step
        pool = PhotoPool(options.data, training_ids(options.data, options.exclude))
        if options.workers > 1:
            pool.read_all(options.threads)
        left = max(0, options.steps - done)
        scenes = SceneDataset(
            pool,
            options.size,
            options.objects,
            options.seed,
            left * options.scenes,
            done * options.scenes,
            options.views,
        )
        loaders = [data_loader(scenes, options.scenes, options)]
        if options.regions:
            shown = max(1, options.scenes // 4)
            photos = RegionDataset(pool, options.size, options.regions, options.seed, left * shown, done * shown)
            loaders.append(data_loader(photos, shown, options))
        for parts in zip(*loaders):
            yield tuple(tensor.to(options.device, non_blocking=True) for part in parts for tensor in part)

    def step(self, batch: Sequence[torch.Tensor], generator: torch.Generator) -> dict[str, torch.Tensor]:
        """Learns from a batch; returns the step's figures."""
        views, masks, *photos = batch
        network, autocast = self.trainer.network, not self.options.float32
        loss, figures = SceneRounds(network, views, masks, generator, autocast).run()
        if photos:
            prompted, clicked = train_by_clicks(network, photos[0], photos[1], generator, autocast)
            loss, figures = loss + prompted, figures | clicked
        self.trainer.descend(loss)
        return figures


def load_backbone(network: NanoNetwork, path: Path) -> None:
    """Puts ImageNet weights (names ``features.<n>.<layer>``) into the encoder."""
    state = {}
    with np.load(path) as arrays:
        for name in arrays.files:
            head, number, *rest = name.split(".")
            if head == "features" and int(number) <= len(network.backbone.blocks):
                prefix = "stem" if number == "0" else f"blocks.{int(number) - 1}"
                state[".".join([prefix, *rest])] = torch.from_numpy(arrays[name].astype(np.float32))
    network.backbone.load_state_dict(state)


def make_trainer(
    backbone: Path | None,
    rate: float = RATE,
    init: Path | None = None,
    clicks: bool = False,
    device: torch.device | str = "cpu",
    all_blocks: bool = False,
) -> Trainer[NanoNetwork]:
    """The whole network, from the backbone's weights or from earlier ones; the backbone learns at a tenth.

    With ``clicks`` it has the second decoder, too, which begins as the tracker's where ``init`` has none. The
    backbone's first blocks learn with ``all_blocks`` only, its stem never.
    """
    network = NanoNetwork()
    if backbone is not None:
        load_backbone(network, backbone)
    state = {} if init is None else {name: value.float() for name, value in load_file(init).items()}
    network.load_state_dict(state, strict=False)
    if clicks:
        network.add_module(INTERACTIVE_PREFIX.rstrip("."), copy.deepcopy(network.decoder))
        network.load_state_dict(state, strict=False)
    if all_blocks:
        network.backbone.frozen_blocks = 0
        network.backbone.blocks.requires_grad_(True)
    network.to(device)
    slow = [p for n, p in network.named_parameters() if n.startswith("backbone") and p.requires_grad]
    fast = [p for n, p in network.named_parameters() if not n.startswith("backbone")]
    return Trainer(network, [(slow, rate / 10), (fast, rate)])


def train_by_clicks(
    network: NanoNetwork, images: torch.Tensor, masks: torch.Tensor, generator: torch.Generator, autocast: bool
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Loss and figures of views uint8 (B, 3, S, S) whose regions, bool (B, N, S, S), are prompted by clicks."""
    prompter = network.get_submodule(INTERACTIVE_PREFIX.rstrip("."))
    assert isinstance(prompter, Decoder)
    return Interaction(prompter, encode_photos(network, images, autocast), masks, generator, autocast).run()
