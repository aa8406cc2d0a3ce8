"""Trains the embedded model; seeded, resumable, logged.

    python tools/train_nano.py --data SEGMENTS --backbone BACKBONE.npz --out runs/nano --steps 6000

A run stopped at any time goes on from its last checkpoint when started again with the same ``--out``. The learning
rate is constant and falls over the last ``--decay`` steps, so that a run can be lengthened, and its end chosen, later.
With ``--regions`` every step also asks for regions of a photo by clicks and boxes. The second decoder answers, and the
encoder learns what it needs for both; ``tools/train_prompter.py`` alone leaves it as it is.
"""

from __future__ import annotations

import argparse
import copy
import os
import random
from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
import torch
from nano_training.encoding import encode_photo
from nano_training.interaction import FIGURES as CLICK_FIGURES
from nano_training.interaction import Interaction
from nano_training.photos import PhotoPool, photo_ids
from nano_training.regions import RegionDataset
from nano_training.rounds import SceneRounds
from nano_training.scenes import SceneDataset
from nano_training.trainer import Logbook, Trainer, channels_last
from safetensors.torch import load_file
from torch.utils.data import DataLoader

from vos.sam.nano_network import Decoder, NanoNetwork
from vos.sam.nano_weights import PROMPTER

RATE = 1.5e-3
FIGURES = ("loss", "similarity", "iou_find", "iou_follow", "iou_again")
HELD_OUT_EVERY = 10  # every tenth photo is never trained on: clicks and boxes are measured there


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, labels/ and index.csv")
    parser.add_argument("--backbone", type=Path, required=True, help="ImageNet weights of MobileNetV2, .npz")
    parser.add_argument("--init", type=Path, help="weights to start from instead of the backbone's alone")
    parser.add_argument("--out", type=Path, default=Path("runs/nano"), help="checkpoint, log and weights")
    parser.add_argument("--steps", type=int, default=6000, help="where the run ends")
    parser.add_argument("--rate", type=float, default=RATE, help="highest learning rate; the backbone's is a tenth")
    parser.add_argument("--decay", type=int, default=1500, help="the learning rate falls over this many last steps")
    parser.add_argument("--size", type=int, default=256, help="side of a view, pixels, a multiple of 32")
    parser.add_argument("--scenes", type=int, default=4, help="scenes per step")
    parser.add_argument("--objects", type=int, default=3, help="objects per scene")
    parser.add_argument(
        "--regions", type=int, default=0, help="regions per step, asked for by clicks; 0 = tracking alone"
    )
    parser.add_argument("--exclude", default="", help="leave out photos whose id starts with this, e.g. bsds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make scenes")
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
    backbone: Path, rate: float = RATE, init: Path | None = None, clicks: bool = False
) -> Trainer[NanoNetwork]:
    """The whole network, from the backbone's weights or from earlier ones; the backbone learns at a tenth.

    With ``clicks`` it has the second decoder, too, which begins as the tracker's where ``init`` has none.
    """
    network = NanoNetwork()
    load_backbone(network, backbone)
    state = {} if init is None else {name: value.float() for name, value in load_file(init).items()}
    network.load_state_dict(state, strict=False)
    if clicks:
        network.add_module(PROMPTER.rstrip("."), copy.deepcopy(network.decoder))
        network.load_state_dict(state, strict=False)
    slow = [p for n, p in network.named_parameters() if n.startswith("backbone") and p.requires_grad]
    fast = [p for n, p in network.named_parameters() if not n.startswith("backbone")]
    return Trainer(network, [(slow, rate / 10), (fast, rate)])


def ask_by_clicks(
    network: NanoNetwork, image: torch.Tensor, masks: torch.Tensor, rng: random.Random, autocast: bool
) -> tuple[torch.Tensor, dict[str, float]]:
    """Loss and figures of a view uint8 (1, 3, S, S) whose regions, bool (1, N, S, S), are asked for by clicks."""
    prompter = network.get_submodule(PROMPTER.rstrip("."))
    assert isinstance(prompter, Decoder)
    return Interaction(prompter, encode_photo(network, image, autocast), masks[0], rng, autocast).run()


def main() -> None:
    """Trains until ``--steps``."""
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(options.backbone, options.rate, options.init, options.regions > 0)
    trainer.resume(options.out)
    trainer.network.train()
    channels_last(trainer.network)
    pool = PhotoPool(options.data, training_ids(options.data, options.exclude))
    left, prefetch = max(0, options.steps - trainer.step), 6 if options.workers else None
    scenes = SceneDataset(
        pool, options.size, options.objects, options.seed, left * options.scenes, trainer.step * options.scenes
    )
    loader = DataLoader(scenes, batch_size=options.scenes, num_workers=options.workers, prefetch_factor=prefetch)
    photos: Iterable[Sequence[torch.Tensor] | None] = repeat(None)
    if options.regions:
        views = RegionDataset(pool, options.size, options.regions, options.seed, left, trainer.step)
        photos = DataLoader(views, num_workers=options.workers, prefetch_factor=prefetch)
    names = FIGURES + (CLICK_FIGURES if options.regions else ())
    book = Logbook(trainer, options.out, names, options.size, options.steps)
    for (images, masks), photo in zip(loader, photos):
        factor = trainer.set_rate(options.steps, options.decay)
        rng = random.Random(f"{options.seed}/step/{trainer.step}")
        loss, figures = SceneRounds(trainer.network, images, masks, rng, not options.float32).run()
        if photo is not None:
            asked, clicked = ask_by_clicks(trainer.network, photo[0], photo[1], rng, not options.float32)
            loss, figures = loss + asked, figures | clicked
        trainer.update(loss)
        book.enter(figures, factor)


if __name__ == "__main__":
    main()
