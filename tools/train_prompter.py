"""Trains the embedded model's second decoder, which answers clicks and boxes; the rest of the model stays.

    python tools/train_prompter.py --data SEGMENTS --init nano.safetensors --out runs/prompter --steps 3000

Writes the weights of ``--init`` with the new decoder in them. A run stopped at any time goes on from its last
checkpoint when started again with the same ``--out``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from nano_training.encoding import encode_photos
from nano_training.interaction import FIGURES, Interaction
from nano_training.photos import PhotoPool
from nano_training.recorded import RecordedStep
from nano_training.regions import RegionDataset
from nano_training.schedule import Schedule
from nano_training.trainer import Logbook, Trainer, channels_last
from safetensors.torch import load_file
from train_nano import data_loader, step_seed, training_ids

from vos.sam.nano.network import Decoder, NanoNetwork
from vos.sam.nano.weights import PROMPTER, NanoWeights

RATE = 1e-3


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, labels/ and index.csv")
    parser.add_argument("--init", type=Path, required=True, help="weights of the embedded model")
    parser.add_argument("--out", type=Path, default=Path("runs/prompter"), help="checkpoint, log and weights")
    parser.add_argument("--steps", type=int, default=3000, help="where the run ends")
    parser.add_argument("--rate", type=float, default=RATE, help="highest learning rate")
    parser.add_argument("--decay", type=int, default=1000, help="the learning rate falls over this many last steps")
    parser.add_argument("--size", type=int, default=384, help="side of a view, pixels, a multiple of 32")
    parser.add_argument("--photos", type=int, default=1, help="photos per step")
    parser.add_argument("--regions", type=int, default=6, help="regions per photo")
    parser.add_argument("--exclude", default="", help="leave out photos whose id starts with this, e.g. bsds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make views")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"), help="cpu, cuda or mps")
    parser.add_argument("--float32", action="store_true", help="no bfloat16")
    return parser.parse_args()


def make_trainer(
    init: Path, rate: float = RATE, device: torch.device | str = "cpu"
) -> tuple[NanoNetwork, Trainer[Decoder]]:
    """The network whose encoder is used as it is, and the decoder to be trained, which begins as the tracker's."""
    others = {name: value for name, value in load_file(init).items() if not name.startswith(PROMPTER)}
    network = NanoWeights.load(init).network.to(device)
    decoder = Decoder().to(device)
    decoder.load_state_dict(network.decoder.state_dict())
    return network.eval(), Trainer(decoder, [(list(decoder.parameters()), rate)], PROMPTER, others)


def main() -> None:
    """Trains until ``--steps``."""
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    network, trainer = make_trainer(options.init, options.rate, options.device)
    trainer.resume(options.out)
    decoder = trainer.network.train()
    for module in (network, decoder):
        channels_last(module)
    pool = PhotoPool(options.data, training_ids(options.data, options.exclude))
    left, done = (options.photos * steps for steps in (max(0, options.steps - trainer.step), trainer.step))
    views = RegionDataset(pool, options.size, options.regions, options.seed, left, done)
    book = Logbook(trainer, options.out, ("loss", *FIGURES), options.size)
    generator = torch.Generator(options.device)

    def step(batch: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        images, masks = batch
        with torch.no_grad():
            levels = encode_photos(network, images, not options.float32)
        loss, figures = Interaction(decoder, levels, masks, generator, not options.float32).run()
        trainer.descend(loss)
        return figures | {"loss": loss.detach()}

    recorded, schedule = RecordedStep(step, generator), Schedule(options.steps, options.decay)
    for batch in data_loader(views, options.photos, options):
        rate = schedule.rate(trainer.step)
        trainer.set_rate(rate)
        generator.manual_seed(step_seed(options.seed, trainer.step))
        figures = recorded([part.to(options.device, non_blocking=True) for part in batch])
        trainer.keep()
        book.enter(figures, rate)
    book.save()


if __name__ == "__main__":
    main()
