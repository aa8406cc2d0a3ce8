"""Trains the embedded model; seeded, resumable, logged.

    python tools/train_nano.py --data SEGMENTS --backbone BACKBONE.npz --out runs/nano --steps 6000

A run stopped at any time goes on from its last checkpoint when started again with the same ``--out``. The learning
rate is constant and falls over the last ``--decay`` steps, so that a run can be lengthened, and its end chosen, later.
With ``--minutes`` the clock ends it instead: a GPU may be lent for just so long.
With ``--regions`` every step also asks for regions of a photo by clicks and boxes. The second decoder answers, and the
encoder learns what it needs for both; ``tools/train_prompter.py`` alone leaves it as it is.
"""

from __future__ import annotations

import argparse
import copy
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from nano_training.encoding import encode_photos
from nano_training.interaction import FIGURES as CLICK_FIGURES
from nano_training.interaction import Interaction
from nano_training.photos import PhotoPool, photo_ids
from nano_training.recorded import RecordedStep
from nano_training.regions import RegionDataset
from nano_training.rounds import FIGURES, SceneRounds
from nano_training.scenes import VIEWS, SceneDataset
from nano_training.schedule import Schedule
from nano_training.trainer import Logbook, Trainer, channels_last
from safetensors.torch import load_file
from torch.utils.data import DataLoader, Dataset

from vos.sam.nano.network import Decoder, NanoNetwork
from vos.sam.nano.weights import PROMPTER

Loader = DataLoader[tuple[torch.Tensor, torch.Tensor]]

RATE = 1.5e-3
HELD_OUT_EVERY = 10  # every tenth photo is never trained on: clicks and boxes are measured there


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, labels/ and index.csv")
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--backbone", type=Path, help="start from ImageNet weights of MobileNetV2, .npz")
    start.add_argument("--init", type=Path, help="start from weights of the whole network, .safetensors")
    parser.add_argument("--out", type=Path, default=Path("runs/nano"), help="checkpoint, log and weights")
    parser.add_argument("--steps", type=int, default=6000, help="where the run ends")
    parser.add_argument("--rate", type=float, default=RATE, help="highest learning rate; the backbone's is a tenth")
    parser.add_argument("--decay", type=int, default=1500, help="the learning rate falls over this many last steps")
    parser.add_argument("--minutes", type=float, help="end after so long, even before --steps")
    parser.add_argument("--falling", type=float, default=0.5, help="with --minutes: share of them over which it falls")
    parser.add_argument("--size", type=int, default=256, help="side of a view, pixels, a multiple of 32")
    parser.add_argument("--scenes", type=int, default=4, help="scenes per step")
    parser.add_argument("--objects", type=int, default=3, help="objects per scene")
    parser.add_argument("--views", type=int, default=VIEWS, help="of a scene, the reference included, at least 3")
    parser.add_argument(
        "--regions",
        type=int,
        default=0,
        help="regions per photo, asked for by clicks, with a photo for every four scenes; 0 = tracking alone",
    )
    parser.add_argument(
        "--all-blocks", action="store_true", help="the backbone's first blocks learn, too; its stem never does"
    )
    parser.add_argument("--exclude", default="", help="leave out photos whose id starts with this, e.g. bsds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make scenes; as many again make photos")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"), help="cpu, cuda or mps")
    parser.add_argument("--eager", action="store_true", help="on a GPU: no recorded steps")
    parser.add_argument("--float32", action="store_true", help="no bfloat16")
    return parser.parse_args()


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


def training_ids(root: Path, exclude: str) -> list[str]:
    """Ids that may be trained on: not held out, not excluded."""
    ids = [photo_id for number, photo_id in enumerate(photo_ids(root)) if number % HELD_OUT_EVERY]
    return [photo_id for photo_id in ids if not (exclude and photo_id.startswith(exclude))]


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
        network.add_module(PROMPTER.rstrip("."), copy.deepcopy(network.decoder))
        network.load_state_dict(state, strict=False)
    if all_blocks:
        network.backbone.frozen_blocks = 0
        network.backbone.blocks.requires_grad_(True)
    network.to(device)
    slow = [p for n, p in network.named_parameters() if n.startswith("backbone") and p.requires_grad]
    fast = [p for n, p in network.named_parameters() if not n.startswith("backbone")]
    return Trainer(network, [(slow, rate / 10), (fast, rate)])


def ask_by_clicks(
    network: NanoNetwork, images: torch.Tensor, masks: torch.Tensor, generator: torch.Generator, autocast: bool
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Loss and figures of views uint8 (B, 3, S, S) whose regions, bool (B, N, S, S), are asked for by clicks."""
    prompter = network.get_submodule(PROMPTER.rstrip("."))
    assert isinstance(prompter, Decoder)
    return Interaction(prompter, encode_photos(network, images, autocast), masks, generator, autocast).run()


def batches(options: argparse.Namespace, done: int) -> Iterator[tuple[torch.Tensor, ...]]:
    """Per step left: views and masks of scenes and, where regions are asked about, of photos."""
    pool = PhotoPool(options.data, training_ids(options.data, options.exclude))
    if options.workers > 1:
        pool.read_all(options.threads)
    left = max(0, options.steps - done)
    scenes = SceneDataset(
        pool, options.size, options.objects, options.seed, left * options.scenes, done * options.scenes, options.views
    )
    loaders = [data_loader(scenes, options.scenes, options)]
    if options.regions:
        shown = max(1, options.scenes // 4)
        photos = RegionDataset(pool, options.size, options.regions, options.seed, left * shown, done * shown)
        loaders.append(data_loader(photos, shown, options))
    for parts in zip(*loaders):
        yield tuple(tensor.to(options.device, non_blocking=True) for part in parts for tensor in part)


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


def step_seed(seed: int, step: int) -> int:
    """Of a step's random numbers, so that a resumed run draws what it would have drawn."""
    return random.Random(f"{seed}/step/{step}").getrandbits(62)


def main() -> None:
    """Trains until ``--steps``."""
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(
        options.backbone, options.rate, options.init, options.regions > 0, options.device, options.all_blocks
    )
    trainer.resume(options.out)
    trainer.network.train()
    channels_last(trainer.network)
    names = FIGURES + (CLICK_FIGURES if options.regions else ())
    book = Logbook(trainer, options.out, names, options.size)
    generator = torch.Generator(options.device)

    def step(batch: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        views, masks, *photos = batch
        loss, figures = SceneRounds(trainer.network, views, masks, generator, not options.float32).run()
        if photos:
            asked, clicked = ask_by_clicks(trainer.network, photos[0], photos[1], generator, not options.float32)
            loss, figures = loss + asked, figures | clicked
        trainer.descend(loss)
        return figures

    recorded = RecordedStep(step, generator, options.eager)
    schedule = Schedule(options.steps, options.decay, options.minutes, options.falling)
    for batch in batches(options, trainer.step):
        if schedule.over(trainer.step):
            break
        rate = schedule.rate(trainer.step)
        trainer.set_rate(rate)
        generator.manual_seed(step_seed(options.seed, trainer.step))
        figures = recorded(batch)
        trainer.keep()
        book.enter(figures, rate)
    book.save()


if __name__ == "__main__":
    main()
