"""How many clicks does a good mask take, and how long is a correction? A simulated user works in ``vos.Session``.

    python benchmarks/interactive.py DATA [--part user|refine|speed|cycles] [--sequences dog libby] [--clicks 6]

DATA holds ``davis16``. ``user``: after DAVIS' interactive protocol, a user clicks the middle of the largest error, sees
the tracked masks, and clicks again: ``worst`` in the frame with the lowest J&F, where the click refines what was
tracked, ``first`` always in frame 0. A row of the CSV file ``--out`` for each click: J&F of all frames, and the seconds
of answering and tracking so far. ``refine``: J&F of the worst tracked frames after clicks from scratch, and after
clicks that refine; ``--masks`` are those of ``python -m vos.evaluate dataset=davis2016``. ``speed``: seconds to track
100 frames again after a further click, with the encodings kept and without. ``cycles``: opens, tracks, corrects and
closes a session again and again; ends with status 1 if memory grows by 10 %, or a file is left behind.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from figures import ROOT, commit
from memory import BOX, LIMIT, pictures
from PIL import Image
from repeats import resident

sys.path += [str(ROOT / "tools" / "report"), str(ROOT / "tools" / "train")]
from measures.clicks import Click, innermost, next_click

import vos
from vos.evaluation.davis import DavisSequence, read_annotation, read_dataset
from vos.evaluation.jf import frame_measures
from vos.io.images import read_image
from vos.io.masks.label_map import read_labels
from vos.persam.corrected_mask import corrected_mask
from vos.persam.first_mask import first_mask
from vos.sam.config import ModelConfig
from vos.sam.registry import load_model
from vos.sam.segmenter import Segmenter
from vos.structures import ObjectPrompt

COLUMNS = ("sequence", "strategy", "clicks", "seconds", "jf", "commit")
WANTED = 0.90  # J&F
YEAR = 2016

Mask = npt.NDArray[np.bool_]


class Row(NamedTuple):
    """What came of so many clicks: seconds of the program's work until then, and J&F of all frames."""

    clicks: int
    seconds: float
    jf: float


class User:
    """Somebody who knows the truth, and works on one sequence.

    Args:
        sequence: of the data set.
        session: on its frames; object 1 is what it is about.
    """

    def __init__(self, sequence: DavisSequence, session: vos.Session) -> None:
        self.truths = [read_annotation(path, YEAR) > 0 for path in sequence.annotations]
        self.session, self.seconds = session, 0.0
        self.clicks: list[Click] = []  # in frame 0

    def work(self, most: int, next_frame: Callable[[Sequence[float]], int]) -> Iterator[Row]:
        """Clicks, tracks and looks, until there is nothing to wish for.

        Args:
            most: clicks.
            next_frame: chooses the frame to click in, from the J&F of each.
        """
        self.click_first(Click(*innermost(self.truths[0]), on_object=True))
        for count in range(1, most + 1):
            self.timed(lambda: list(self.session.track()))
            scores = [self.score(i) for i in self.session.frames]
            yield Row(count, self.seconds, float(np.mean(scores)))
            frame = next_frame(scores)
            click = next_click(self.mask(frame), self.truths[frame])
            if click is None or np.mean(scores) >= WANTED:
                return
            if frame:
                self.timed(partial(self.refine, frame, click))
            else:
                self.click_first(click)

    def click_first(self, click: Click) -> None:
        """Clicks in frame 0, on top of the clicks that are there."""
        self.clicks.append(click)
        points, labels = [each[:2] for each in self.clicks], [int(each.on_object) for each in self.clicks]
        self.timed(lambda: self.session.prompt(0, 1, points=points, labels=labels))

    def refine(self, frame: int, click: Click) -> None:
        """Clicks in a frame that was tracked; anew where there is nothing to refine."""
        has_mask = bool(self.mask(frame).any())
        self.session.prompt(frame, 1, points=[click[:2]], labels=[int(click.on_object)], refine=has_mask)

    def timed(self, work: Callable[[], object]) -> None:
        """Does some work of the program, and counts its seconds."""
        begin = time.perf_counter()
        work()
        self.seconds += time.perf_counter() - begin

    def mask(self, frame: int) -> Mask:
        """Looks at the mask of a frame."""
        result = self.session.result(frame)
        assert result is not None
        return result[1].mask

    def score(self, frame: int) -> float:
        """Measures J&F of a frame."""
        return jf(self.truths[frame], self.mask(frame))


STRATEGIES: dict[str, Callable[[Sequence[float]], int]] = {
    "worst": lambda scores: int(np.argmin(scores)),
    "first": lambda scores: 0,
}


def measure_user(data: Path, names: Sequence[str] | None, most: int, out: Path) -> None:
    """Lets the user work on sequences with each strategy; adds a row for each click to a CSV file."""
    done = {(row["sequence"], row["strategy"]) for row in read_rows(out)}
    for sequence in read_dataset(data / "davis16", YEAR, "dev"):
        for strategy, next_frame in STRATEGIES.items():
            if (names and sequence.name not in names) or (sequence.name, strategy) in done:
                continue
            images = sequence.images()[0].parent
            with tempfile.TemporaryDirectory() as folder, vos.Session(images, Path(folder) / "work") as session:
                session.add_object()
                rows = list(User(sequence, session).work(most, next_frame))
            print(
                f"{sequence.name}, {strategy}: {', '.join(f'{r.jf:.3f} {r.seconds:.0f} s' for r in rows)}", flush=True
            )
            told = [(sequence.name, strategy, r.clicks, f"{r.seconds:.1f}", f"{r.jf:.4f}", commit()) for r in rows]
            is_new = not out.exists()
            with out.open("a", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([*([COLUMNS] if is_new else []), *told])


def read_rows(path: Path) -> list[dict[str, str]]:
    """Reads the rows that an earlier call has left; a sequence is written when it is complete."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def measure_refine(data: Path, masks: Path, frames: int = 4, clicks: int = 3) -> None:
    """Clicks in the worst of every fourth frame of each sequence, with its tracked mask at hand and without it."""
    model = load_model(ModelConfig()).for_objects(1)
    ways: dict[str, list[list[float]]] = {"from scratch": [], "refined": []}
    for sequence in read_dataset(data / "davis16", YEAR, "dev"):
        truths = {k: read_annotation(sequence.annotations[k], YEAR) > 0 for k in range(0, len(sequence.annotations), 4)}
        found = {k: read_labels(masks / sequence.name / f"{sequence.images()[k].stem}.png") > 0 for k in truths}
        scores = {k: jf(truths[k], found[k]) for k in truths if truths[k].any() and found[k].any()}
        for k in sorted(scores, key=lambda k: scores[k])[:frames]:
            photo = Photo(read_image(sequence.images()[k]), truths[k], model)
            ways["from scratch"].append([scores[k], *photo.clicked(found[k], clicks)])
            ways["refined"].append([scores[k], *photo.refined(found[k], clicks)])
    for way, rows in ways.items():
        means = ", ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
        print(f"{way}, {len(rows)} frames, J&F after 0 to {clicks} clicks: {means}", flush=True)


class Photo:
    """A frame, what is true in it, and who answers."""

    def __init__(self, rgb: npt.NDArray[np.uint8], truth: Mask, model: Segmenter) -> None:
        self.rgb, self.truth, self.model, self.embedding = rgb, truth, model, model.encode([rgb])[0]

    def clicked(self, mask: Mask, most: int) -> Iterator[float]:
        """Clicks from scratch; returns J&F after each."""
        clicks: list[Click] = []
        for _ in range(most):
            clicks += filter(None, [next_click(mask, self.truth)])
            points, labels = _arrays(clicks)
            if labels.any():
                prompt = ObjectPrompt(points=points, labels=labels)
                mask = first_mask(self.model, self.rgb, self.embedding, prompt).mask
            yield jf(self.truth, mask)

    def refined(self, mask: Mask, most: int) -> Iterator[float]:
        """Refines a mask by clicks; returns J&F after each."""
        for _ in range(most):
            if (click := next_click(mask, self.truth)) is not None:
                mask = corrected_mask(self.model, self.rgb, self.embedding, mask, *_arrays([click]))
            yield jf(self.truth, mask)


def _arrays(clicks: Sequence[Click]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    return np.array([c[:2] for c in clicks], np.float32), np.array([int(c.on_object) for c in clicks], np.int64)


def jf(truth: Mask, mask: Mask) -> float:
    """Measures J&F of a frame with one object."""
    return float(frame_measures(truth.astype(np.uint8), mask.astype(np.uint8), 1).mean())


def measure_speed(data: Path, frames: int = 100) -> None:
    """Tells how long it takes to track 100 frames again after a click in frame 0, with the encodings kept and without.

    The clip goes forward and back again, so that it is long enough.
    """
    images = sorted((data / "davis16" / "JPEGImages" / "480p" / "dog").iterdir())
    images = (images + images[-2:0:-1])[:frames]
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip"
        clip.mkdir()
        for k, path in enumerate(images):
            (clip / f"{k:05d}{path.suffix}").symlink_to(path.resolve())
        for cache_gb in (4.0, 0.0):
            with vos.Session(clip, Path(folder) / f"work{cache_gb}", cache_gb=cache_gb) as session:
                session.add_object()
                for points in ([[400, 250], [300, 240]], [[400, 250], [300, 240], [330, 230]]):
                    begin = time.perf_counter()
                    answer = session.prompt(0, 1, points=points)
                    answered = time.perf_counter()
                    progress = [time.perf_counter() for each in session.track() if each.learned is None]
                    learned, seconds = progress[0] - answered, progress[-1] - progress[0]
                    print(
                        f"cache_gb={cache_gb:g}, {len(points)} clicks: answered in {answered - begin:.2f} s, learned "
                        f"and first frame {learned:.1f} s, {len(progress) - 1} frames {seconds:.1f} s "
                        f"({answer.predicted_iou:.2f})",
                        flush=True,
                    )


def measure_cycles(count: int) -> int:
    """Opens, tracks, corrects and closes again and again; returns the exit status."""
    options = {"model.input_size": 128, "tracker.adapt.steps": 2}
    after: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        clip, work = Path(name) / "clip", Path(name) / "work"
        clip.mkdir()
        for k, picture in enumerate(pictures(8)):
            Image.fromarray(picture).save(clip / f"{k:05d}.png")
        files: set[str] = set()
        for cycle in range(count):
            with vos.Session(clip, work, options=options) as session:
                one = session.add_object()
                session.prompt(0, one.id, box=BOX)
                list(session.track())
                session.prompt(5, one.id, box=BOX)
                list(session.track(end=7))
                while session.undo():
                    pass
            there = {str(path.relative_to(name)) for path in Path(name).rglob("*") if path.is_file()}
            files = files or there
            if len(there) > len(files):
                raise SystemExit(f"error: files are left behind: {', '.join(sorted(there - files))}")
            after.append(resident())
            if (cycle + 1) % 20 == 0:
                print(f"cycle {cycle + 1:3d}: {after[-1]:7.1f} MiB, {len(there)} files", flush=True)
    growth = after[-1] / after[min(9, count - 1)] - 1
    print(f"growth since the tenth {growth:+.1%} (limit {LIMIT:.0%})")
    return int(growth >= LIMIT)


def main() -> int:
    """Reads the options from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder that holds davis16")
    parser.add_argument("--part", choices=("user", "refine", "speed", "cycles"), default="user")
    parser.add_argument("--sequences", nargs="*", help="default: all nine")
    parser.add_argument("--clicks", type=int, default=6, help="at most, of the user")
    parser.add_argument("--masks", type=Path, help="of refine: the folder masks of an evaluation")
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "session.csv", help="the rows of the user")
    arguments = parser.parse_args()
    if arguments.part == "cycles":
        return measure_cycles(arguments.cycles)
    if arguments.part == "refine":
        if arguments.masks is None:
            parser.error("--part refine needs --masks")
        measure_refine(arguments.data, arguments.masks)
    elif arguments.part == "speed":
        measure_speed(arguments.data)
    else:
        measure_user(arguments.data, arguments.sequences, arguments.clicks, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
