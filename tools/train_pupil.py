"""Teaches the embedded model's decoder to learn: few steps of practice on a reference shall make the most of it.

    python tools/train_pupil.py --data SEGMENTS --init nano.safetensors --out runs/pupil --steps 1000

Writes the weights of ``--init`` with the decoder from which adaptation starts in them. A run stopped at any time goes
on from its last checkpoint when started again with the same ``--out``; how many processes share the work changes
nothing but the order of sums.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from nano_training.episode import Episodes, Outcome
from nano_training.photos import PhotoPool
from nano_training.scenes import SceneDataset
from nano_training.trainer import Logbook, Trainer
from safetensors.torch import load_file
from torch import multiprocessing
from train_nano import training_ids

from vos.sam.nano import NanoSegmenter
from vos.sam.nano_weights import PUPIL
from vos.sam.pupil import Pupil
from vos.tracker_config import AdaptConfig

RATE, PACE_RATE = 1e-4, 2e-2
FIGURES = ("loss", "iou", "pace_low", "pace_high")


class Worker:
    """What one process works with: its own photos and encoder, and the pupil, whose memory all of them share."""

    current: Worker

    def __init__(self, options: argparse.Namespace, pupil: Pupil) -> None:
        torch.set_num_threads(1)
        pool = PhotoPool(options.data, training_ids(options.data, options.exclude))
        scenes = SceneDataset(pool, options.size, options.objects, options.seed, 2 * options.steps * options.batch)
        precision = "float32" if options.float32 else "bfloat16"
        model = NanoSegmenter.load(options.init, precision=precision, input_size=options.size)
        config = AdaptConfig(steps=options.practice, views=options.views)
        self.episodes, self.pupil = Episodes(scenes, model, config, options.seed), pupil

    @classmethod
    def begin(cls, options: argparse.Namespace, pupil: Pupil) -> None:
        """Makes this process ready."""
        cls.current = cls(options, pupil)

    @classmethod
    def run(cls, index: int) -> Outcome:
        """One episode."""
        worker = cls.current
        return worker.episodes.run(index, worker.pupil)


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, labels/ and index.csv")
    parser.add_argument("--init", type=Path, required=True, help="weights of the embedded model")
    parser.add_argument("--out", type=Path, default=Path("runs/pupil"), help="checkpoint, log and weights")
    parser.add_argument("--steps", type=int, default=1000, help="where the run ends")
    parser.add_argument("--batch", type=int, default=4, help="episodes per step")
    parser.add_argument("--practice", type=int, default=10, help="steps of practice per episode")
    parser.add_argument("--views", type=int, default=8, help="made-up views per episode")
    parser.add_argument("--rate", type=float, default=RATE, help="highest learning rate")
    parser.add_argument("--decay", type=int, default=500, help="the learning rate falls over this many last steps")
    parser.add_argument("--size", type=int, default=384, help="side of a view, pixels, a multiple of 32")
    parser.add_argument("--objects", type=int, default=2, help="objects per scene")
    parser.add_argument("--exclude", default="", help="leave out photos whose id starts with this, e.g. bsds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--float32", action="store_true", help="no bfloat16")
    return parser.parse_args()


def make_trainer(init: Path, rate: float = RATE) -> Trainer[Pupil]:
    """The pupil begins as the decoder that has not practised, and each parameter at the same pace."""
    pupil = NanoSegmenter.load(init).pupil().requires_grad_(True).share_memory()
    groups = [([pupil.log_pace], PACE_RATE), (list(pupil.decoder.parameters()), rate)]
    others = {name: value for name, value in load_file(init).items() if not name.startswith(PUPIL)}
    return Trainer(pupil, groups, PUPIL, others)


def take(trainer: Trainer[Pupil], outcomes: Sequence[Outcome]) -> dict[str, float]:
    """One step with the mean of the episodes' gradients."""
    pupil, share = trainer.network, 1 / len(outcomes)
    for name, parameter in pupil.decoder.named_parameters():
        parameter.grad = share * sum(outcome.gradients[name] for outcome in outcomes)
    pupil.log_pace.grad = torch.tensor([share * sum(o.pace[name] for o in outcomes) for name in pupil.learning()])
    trainer.apply()
    figures = {name: share * sum(o.figures[name] for o in outcomes) for name in ("loss", "iou")}
    pace = pupil.log_pace.detach().exp()
    return figures | {"pace_low": float(pace.min()), "pace_high": float(pace.max())}


def main() -> None:
    """Trains until ``--steps``."""
    options = parse_arguments()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    trainer = make_trainer(options.init, options.rate)
    trainer.resume(options.out)
    book = Logbook(trainer, options.out, FIGURES, options.size, options.steps)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, context, Worker.begin, (options, trainer.network)) as pool:
        while trainer.step < options.steps:
            factor = trainer.set_rate(options.steps, options.decay)
            first = trainer.step * options.batch
            outcomes = list(pool.map(Worker.run, range(first, first + options.batch)))
            book.enter(take(trainer, outcomes), factor)


if __name__ == "__main__":
    main()
