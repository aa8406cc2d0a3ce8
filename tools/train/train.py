"""Trains the embedded model; seeded, resumable, logged.

    python tools/train/train.py tracking --data SEGMENTS --backbone BACKBONE.npz --out runs/nano --steps 6000
    python tools/train/train.py clicks --data SEGMENTS --init nano.safetensors --out runs/clicks --steps 3000

``tracking`` trains the whole network. With ``--regions`` every step also prompts regions of a photo by clicks and
boxes; the second decoder takes them, and the encoder learns what it needs for both. ``clicks`` trains that decoder
alone, leaves the rest as it is, and writes the weights of ``--init`` with the new decoder in them.

A run stopped at any time goes on from its last checkpoint when started again with the same ``--out``. The learning
rate is constant and falls over the last ``--decay`` steps, so that a run can be lengthened, and its end chosen, later.
With ``--minutes`` the clock ends it instead: a GPU may be lent for just so long.
"""

from __future__ import annotations

import argparse
import os
import random
from pathlib import Path

import torch
from training import clicks_task, tracking_task
from training.clicks_task import ClicksTask
from training.recorded import RecordedStep
from training.scenes import VIEWS
from training.schedule import Schedule
from training.task import Task
from training.tracking_task import TrackingTask
from training.trainer import Logbook


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = parser.add_subparsers(dest="task", required=True)
    add_tracking(tasks.add_parser("tracking", help="the whole network"))
    add_clicks(tasks.add_parser("clicks", help="the second decoder alone"))
    return parser.parse_args()


def add_tracking(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``tracking``."""
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--backbone", type=Path, help="start from ImageNet weights of MobileNetV2, .npz")
    start.add_argument("--init", type=Path, help="start from weights of the whole network, .safetensors")
    parser.add_argument("--scenes", type=int, default=4, help="scenes per step")
    parser.add_argument("--objects", type=int, default=3, help="objects per scene")
    parser.add_argument("--views", type=int, default=VIEWS, help="of a scene, the reference included, at least 3")
    parser.add_argument(
        "--regions",
        type=int,
        default=0,
        help="regions per photo, prompted by clicks, with a photo for every four scenes; 0 = tracking alone",
    )
    parser.add_argument(
        "--all-blocks", action="store_true", help="the backbone's first blocks learn, too; its stem never does"
    )
    add_run(parser)
    parser.set_defaults(out=Path("runs/nano"), steps=6000, rate=tracking_task.RATE, decay=1500, size=256)


def add_clicks(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``clicks``."""
    parser.add_argument("--init", type=Path, required=True, help="weights of the embedded model")
    parser.add_argument("--photos", type=int, default=1, help="photos per step")
    parser.add_argument("--regions", type=int, default=6, help="regions per photo")
    parser.add_argument("--guided", action="store_true", help="the decoder that reads the guidance of clicks")
    parser.add_argument("--further", type=Path, help="another folder of photos, of which coco's are left out")
    add_run(parser)
    parser.set_defaults(out=Path("runs/clicks"), steps=3000, rate=clicks_task.RATE, decay=1000, size=384)


def add_run(parser: argparse.ArgumentParser) -> None:
    """Adds the options of both."""
    parser.add_argument("--data", type=Path, required=True, help="folder with images/, labels/ and index.csv")
    parser.add_argument("--out", type=Path, help="folder of checkpoint, log and weights")
    parser.add_argument("--steps", type=int, help="where the run ends")
    parser.add_argument("--rate", type=float, help="highest learning rate; a backbone that learns has a tenth of it")
    parser.add_argument("--decay", type=int, help="the learning rate falls over this many last steps")
    parser.add_argument("--minutes", type=float, help="end after so long, even before --steps")
    parser.add_argument("--falling", type=float, default=0.5, help="with --minutes: share of them over which it falls")
    parser.add_argument("--size", type=int, help="side of a view, pixels, a multiple of 32")
    parser.add_argument("--exclude", default="", help="leave out photos whose id starts with this, e.g. bsds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make scenes; as many again make photos")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"), help="cpu, cuda or mps")
    parser.add_argument("--eager", action="store_true", help="on a GPU: no recorded steps")
    parser.add_argument("--float32", action="store_true", help="no bfloat16")


def step_seed(seed: int, step: int) -> int:
    """Of a step's random numbers, so that a resumed run draws what it would have drawn."""
    return random.Random(f"{seed}/step/{step}").getrandbits(62)


def train(task: Task, options: argparse.Namespace) -> None:
    """Takes the steps that are left, and writes the run's files."""
    trainer = task.trainer
    book = Logbook(trainer, options.out, task.figures, options.size)
    generator = torch.Generator(options.device)
    recorded = RecordedStep(lambda batch: task.step(batch, generator), generator, options.eager)
    schedule = Schedule(options.steps, options.decay, options.minutes, options.falling)
    for batch in task.batches():
        if schedule.over(trainer.step):
            break
        rate = schedule.rate(trainer.step)
        trainer.set_rate(rate)
        generator.manual_seed(step_seed(options.seed, trainer.step))
        figures = recorded(batch)
        trainer.keep()
        book.enter(figures, rate)
    book.save()


def main() -> None:
    """Trains until ``--steps``."""
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    train(TrackingTask(options) if options.task == "tracking" else ClicksTask(options), options)


if __name__ == "__main__":
    main()
