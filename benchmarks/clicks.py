"""How good is the first mask? A simulated user clicks the middle of the largest error until the mask is right.

    python benchmarks/clicks.py DATA [--answers fed-back] [--sets photo_dev] [--clicks 3] [--time] [--write]

DATA holds ``segments`` (regions of the tenth of its photos that was never trained on), ``davis16`` (its first frames)
and ``photo_dev`` (DAVIS' layout). The first click is the object's innermost point, each further one the innermost point
of the largest part that is missing or surplus; apart from that, the object's tight box alone. Ways to answer:
``at-once`` asks the interactive decoder with all clicks, ``fed-back`` shows it its last mask as well, ``shipped`` is
what the program does. ``--time`` keeps the milliseconds of an answer, the frame being encoded; nothing else should run
meanwhile. ``--write`` puts the figures into docs/clicks.csv, in place of older ones of the same set and answers; then
``make docs``.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from figures import ROOT, commit
from tqdm import tqdm

sys.path += [str(ROOT / "tools" / "report"), str(ROOT / "tools" / "train")]
from measures.clicks import Click, choose_regions, innermost, iou, next_click, pixels
from training.photos import PhotoPool, photo_ids
from training.task import HELD_OUT_EVERY

from vos.evaluation.davis import read_annotation
from vos.geometry import mask_box
from vos.io.images import read_image
from vos.persam.first_mask import FirstMask, first_mask
from vos.sam.config import ModelConfig
from vos.sam.device import set_threads
from vos.sam.prompting import Prompt
from vos.sam.registry import load_model
from vos.sam.segmenter import Segmenter
from vos.structures import ImageEmbedding, ObjectPrompt

COLUMNS = ("set", "answers", "figure", "value", "objects", "commit")
CLICKS, REGIONS = 20, 51
WANTED = (0.85, 0.90)  # IoU that the user wants
GOOD = 0.8

Mask = npt.NDArray[np.bool_]
Image8 = npt.NDArray[np.uint8]


class Sample(NamedTuple):
    """A photo and one object of it."""

    photo: str
    rgb: Image8
    truth: Mask


class Answer(NamedTuple):
    """A mask, and what the next answer goes on from."""

    mask: Mask
    state: object


Answerer = Callable[[Segmenter, Image8, ImageEmbedding, ObjectPrompt, object], Answer]


def at_once(model: Segmenter, rgb: Image8, embedding: ImageEmbedding, shown: ObjectPrompt, state: object) -> Answer:
    """Asks the interactive decoder once, and takes the best of its candidates."""
    return _decoded(model, embedding, Prompt(shown.points, shown.labels, shown.box), True)


def fed_back(model: Segmenter, rgb: Image8, embedding: ImageEmbedding, shown: ObjectPrompt, state: object) -> Answer:
    """Shows the interactive decoder its last mask, too; the answer to a first click is the best of its candidates."""
    last = state if isinstance(state, torch.Tensor) else None
    first_click = shown.box is None and last is None
    return _decoded(model, embedding, Prompt(shown.points, shown.labels, shown.box, last), multimask=first_click)


def _decoded(model: Segmenter, embedding: ImageEmbedding, prompt: Prompt, multimask: bool) -> Answer:
    logits = model.decode_prompts(embedding, [prompt], multimask=multimask).best().logits[0, 0]
    return Answer(pixels(logits, embedding), logits)


def shipped(model: Segmenter, rgb: Image8, embedding: ImageEmbedding, shown: ObjectPrompt, state: object) -> Answer:
    """Makes the first mask as the program does, going on from the last one."""
    found = first_mask(model, rgb, embedding, shown, state if isinstance(state, FirstMask) else None)
    return Answer(found.mask, found)


ANSWERS: dict[str, Answerer] = {"at-once": at_once, "fed-back": fed_back, "shipped": shipped}


def held_out(data: Path) -> Iterator[Sample]:
    """Draws regions of the photos that were never trained on, as many of each source."""
    pool = PhotoPool(data / "segments", photo_ids(data / "segments")[::HELD_OUT_EVERY])
    for region in choose_regions(pool, REGIONS, seed=0):
        photo = pool.read(region.photo_id)
        yield Sample(region.photo_id, photo.rgb, photo.regions[region.map_number] == region.label)


def first_frames(root: Path, year: int) -> Iterator[Sample]:
    """Lists the objects of the first frames of all sequences of a folder in DAVIS' layout."""
    for folder in sorted((root / "JPEGImages" / "480p").iterdir()):
        image = min(folder.iterdir())
        labels = read_annotation(root / "Annotations" / "480p" / folder.name / f"{image.stem}.png", year)
        rgb = read_image(image)
        for label in np.unique(labels[labels > 0]):
            yield Sample(folder.name, rgb, labels == label)


SETS: dict[str, Callable[[Path], Iterator[Sample]]] = {
    "segments": held_out,
    "davis16": lambda data: first_frames(data / "davis16", 2016),
    "photo_dev": lambda data: first_frames(data / "photo_dev", 2017),
}


def shown_by(clicks: Sequence[Click]) -> ObjectPrompt:
    """Makes a prompt of some clicks."""
    points = np.array([(click.x, click.y) for click in clicks], np.float32)
    return ObjectPrompt(1, points, np.array([int(click.on_object) for click in clicks], np.int64))


def click_through(ask: Callable[[ObjectPrompt, object], Answer], truth: Mask, most: int) -> list[float]:
    """Clicks until nothing is wrong or ``most`` clicks are given; returns the IoU after each number of clicks."""
    clicks, ious, state = [Click(*innermost(truth), True)], list[float](), None
    while len(ious) < most:
        mask, state = ask(shown_by(clicks), state)
        ious.append(iou(mask, truth))
        click = next_click(mask, truth)
        if click is None:
            break
        clicks.append(click)
    return ious + ious[-1:] * (most - len(ious))


def measure(samples: Sequence[Sample], model: Segmenter, answer: Answerer, most: int = CLICKS) -> dict[str, float]:
    """Measures one way to answer on the objects of a set, with ``most`` clicks at most."""
    curves, boxes, times = list[list[float]](), list[float](), list[float]()
    photo, embedding = "", None
    for sample in tqdm(samples, unit="object", leave=False):
        if sample.photo != photo or embedding is None:
            photo, (embedding,) = sample.photo, model.encode([sample.rgb])

        def ask(shown: ObjectPrompt, state: object, sample: Sample = sample, to: ImageEmbedding = embedding) -> Answer:
            begin = time.perf_counter()
            given = answer(model, sample.rgb, to, shown, state)
            times.append(1000 * (time.perf_counter() - begin))
            return given

        curves.append(click_through(ask, sample.truth, most))
        boxes.append(iou(ask(ObjectPrompt(1, box=mask_box(sample.truth)), None).mask, sample.truth))
    return figures_of(np.array(curves), boxes) | {"ms": float(np.median(times))}


def figures_of(ious: npt.NDArray[np.float64], boxes: Sequence[float]) -> dict[str, float]:
    """Sums up the IoU of N objects after 1, 2, ... clicks (N, clicks) and from their boxes (N,)."""
    figures = {str(number): float(mean) for number, mean in enumerate(ious.mean(axis=0), start=1)}
    figures["box"] = float(np.mean(boxes))
    for number in (n for n in (1, 3) if n <= ious.shape[1]):
        figures[f"above {GOOD} at {number}"] = float((ious[:, number - 1] > GOOD).mean())
    for wanted in WANTED if ious.shape[1] == CLICKS else ():  # where the wanted IoU is never reached, all clicks count
        reached = np.c_[ious[:, :-1] >= wanted, np.ones(len(ious), np.bool_)]
        figures[f"clicks to {wanted:.2f}"] = float(reached.argmax(axis=1).mean() + 1)
    return figures


def merged(rows: Sequence[Mapping[str, str]], table: str) -> str:
    """Puts rows under the text of clicks.csv; older ones of the same set, answers and figure leave it."""
    fresh = {(row["set"], row["answers"], row["figure"]) for row in rows}
    older = [
        row for row in csv.DictReader(io.StringIO(table)) if (row["set"], row["answers"], row["figure"]) not in fresh
    ]
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*older, *rows])
    return file.getvalue()


def main(argv: Sequence[str] | None = None) -> int:
    """Measures the ways to answer that are named on the sets that are named; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help=f"folder that holds {', '.join(SETS)}")
    parser.add_argument("--answers", nargs="+", choices=ANSWERS, default=list(ANSWERS))
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--checkpoint", default=None, help="weights; none = the package's own")
    parser.add_argument("--clicks", type=int, default=CLICKS, help="of an object, at most; fewer are sooner done")
    parser.add_argument("--time", action="store_true", help="keep the milliseconds of an answer")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/clicks.csv")
    arguments = parser.parse_args(argv)
    set_threads(None, embedded=False)
    model = load_model(ModelConfig(), arguments.checkpoint).for_objects(1)
    for name in arguments.sets:
        samples = list(SETS[name](arguments.data))
        for way in arguments.answers:
            figures = measure(samples, model, ANSWERS[way], arguments.clicks)
            if not arguments.time:
                del figures["ms"]
            print(f"{name}, {way}:", *(f"{figure} {value:.3f}" for figure, value in figures.items()), flush=True)
            about = {"set": name, "answers": way, "objects": str(len(samples)), "commit": commit()}
            rows = [{**about, "figure": figure, "value": f"{value:.4f}"} for figure, value in figures.items()]
            if arguments.write:
                path = ROOT / "docs" / "clicks.csv"
                path.write_text(merged(rows, path.read_text() if path.exists() else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
