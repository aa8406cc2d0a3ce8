"""Does a tracker find lost objects again? Per kind of loss: returns found, false paint, swapped identities, J&F.

    python tools/render/occlusion_set.py outputs/occlusion_set
    python benchmarks/occlusion.py outputs/occlusion_set [--out table.csv] [--pictures FOLDER] [option=value ...]

The options are those of ``python -m vos.evaluate``, e.g. ``tracker=published model.input_size=512``; masks go to
``output_dir`` (outputs/occlusion) and finished clips are not run again; ``results=FOLDER`` scores masks that exist.

found    a return counts as found if the mask's IoU with the truth exceeds 0.5 in one of the first five frames in which
         a quarter of the object is visible again
painted  frames in which an object is fully invisible and yet more than 0.1 % of the picture is painted as it
swaps    times that the mask of one followed object covers more of another one than of its own, for more than three of
         the frames that show both
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from vos.cli.compose import compose
from vos.cli.evaluation_folder import FILES
from vos.cli.program import exit_code
from vos.cli.video_evaluation import run_videos
from vos.errors import VosError
from vos.evaluation.config import EvaluateConfig
from vos.evaluation.davis import DavisSequence, read_annotation, read_dataset
from vos.evaluation.jf import region_similarity
from vos.evaluation.scoring import score_results
from vos.io.images import read_image
from vos.io.sole_writer import sole_writer

Labels = npt.NDArray[np.uint8]

SPLIT = "occlusion"
FOUND_IOU, PATIENCE = 0.5, 5  # IoU that counts as found, within so many frames
PAINTED = 0.001  # share of the picture
SWAP_FRAMES = 3  # a swap lasts longer
TRUTH, RESULT = (60, 230, 60), (255, 50, 50)  # colours of the contours
HEADINGS = ("kind", "clips", "returns", "found", "absent", "painted", "swaps", "J&F")


@dataclass(frozen=True)
class Return:
    """A loss and the return after it, and how the tracker took it; delay in frames, -1 = not found."""

    clip: str
    object: int
    frame_lost: int
    frame_back: int
    delay: int = -1
    best_iou: float = 0.0


@dataclass
class Tally:
    """The counts of some clips."""

    clips: int = 0
    returns: int = 0
    found: int = 0
    absent: int = 0
    painted: int = 0
    pairs: int = 0
    swaps: int = 0
    jf: tuple[float, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other))))

    def row(self, kind: str) -> list[str]:
        """Under ``HEADINGS``; "-" where there was nothing to count."""
        return [
            kind, str(self.clips), str(self.returns), _share(self.found, self.returns), str(self.absent),
            _share(self.painted, self.absent), str(self.swaps) if self.pairs else "-", f"{np.mean(self.jf):.3f}",
        ]  # fmt: skip


def judge_return(event: Return, truth: Sequence[Labels], result: Sequence[Labels]) -> Return:
    """The event with its delay and the best IoU of the first ``PATIENCE`` frames.

    Args:
        event: one line of events.csv.
        truth: label maps of all frames, uint8 (H, W).
        result: as many, of the tracker.
    """
    ious = []
    for frame in range(event.frame_back, min(event.frame_back + PATIENCE, len(truth))):
        real, drawn = truth[frame] == event.object, result[frame] == event.object
        ious.append(region_similarity(real, drawn) if real.any() else 0.0)  # gone again: nothing to find
    delay = next((index for index, iou in enumerate(ious) if iou > FOUND_IOU), -1)
    return Return(event.clip, event.object, event.frame_lost, event.frame_back, delay, max(ious))


def count_painted(truth: Sequence[Labels], result: Sequence[Labels], label: int) -> tuple[int, int]:
    """In how many frames an object is fully invisible, and in how many of these it is painted all the same."""
    shares = [float((drawn == label).mean()) for real, drawn in zip(truth, result) if not (real == label).any()]
    return len(shares), sum(share > PAINTED for share in shares)


def count_swaps(truth: Sequence[Labels], result: Sequence[Labels], one: int, other: int) -> int:
    """How often two objects exchange their ids, or one takes the other's place, for more than ``SWAP_FRAMES``.

    Frames that do not show both count neither for nor against.
    """
    swapped = []
    for real, drawn in zip(truth, result):
        if not ((real == one).any() and (real == other).any()):
            continue
        overlaps = [[int(((drawn == a) & (real == b)).sum()) for b in (one, other)] for a in (one, other)]
        swapped.append(overlaps[0][1] > overlaps[0][0] or overlaps[1][0] > overlaps[1][1])
    return sum(value and len(list(run)) > SWAP_FRAMES for value, run in itertools.groupby(swapped))


def judge_clip(
    sequence: DavisSequence, results: Path, events: Sequence[Return], jf: Sequence[float]
) -> tuple[Tally, list[Return]]:
    """The counts of one clip, and its returns."""
    truth = [read_annotation(path, 2017) for path in sequence.annotations]
    result = [read_annotation(results / sequence.name / path.name, 2017) for path in sequence.annotations]
    ids = [int(label) for label in np.unique(truth[0]) if label]
    returns = [judge_return(event, truth, result) for event in events]
    gaps = [count_painted(truth, result, label) for label in ids]
    pairs = list(itertools.combinations(ids, 2))
    swaps = sum(count_swaps(truth, result, *pair) for pair in pairs)
    found, absent, painted = sum(r.delay >= 0 for r in returns), sum(a for a, _ in gaps), sum(p for _, p in gaps)
    return Tally(1, len(returns), found, absent, painted, len(pairs), swaps, tuple(jf)), returns


def judge_set(
    sequences: Sequence[DavisSequence], results: Path, events: Sequence[Return]
) -> tuple[dict[str, Tally], list[Return]]:
    """Counts per kind, in the order of the list file, with "all" at the end; and all returns."""
    scores = score_results(sequences, results)
    tallies: dict[str, Tally] = {}
    returns: list[Return] = []
    for sequence in sequences:
        own = [event for event in events if event.clip == sequence.name]
        jf = [(score.j_mean + score.f_mean) / 2 for score in scores if score.sequence == sequence.name]
        tally, judged = judge_clip(sequence, results, own, jf)
        kind = sequence.name.rpartition("-")[0]
        tallies[kind] = tallies.get(kind, Tally()) + tally
        returns += judged
    return {**tallies, "all": sum(tallies.values(), Tally())}, returns


def read_events(path: Path) -> list[Return]:
    """The losses and returns that the renderer noted."""
    if not path.is_file():
        raise VosError(f"{path} is missing; give a folder that tools/render/occlusion_set.py has written")
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Return(row["clip"], *(int(row[name]) for name in ("object", "frame_lost", "frame_back")))
            for row in csv.DictReader(file)
        ]


def draw_misses(sequences: Sequence[DavisSequence], results: Path, returns: Sequence[Return], folder: Path) -> None:
    """One PNG per return that was not found: contours of truth (green) and result (red) when patience ended."""
    folder.mkdir(parents=True, exist_ok=True)
    by_name = {sequence.name: sequence for sequence in sequences}
    for event in (event for event in returns if event.delay < 0):
        sequence = by_name[event.clip]
        frame = min(event.frame_back + PATIENCE, len(sequence.annotations)) - 1
        annotation, picture = sequence.annotations[frame], read_image(sequence.images()[frame]).copy()
        for path, colour in ((annotation, TRUTH), (results / event.clip / annotation.name, RESULT)):
            mask = (read_annotation(path, 2017) == event.object).astype(np.uint8)
            contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, contours, -1, colour, 1)
        Image.fromarray(picture).save(folder / f"{event.clip}-object{event.object}-{frame:05d}.png")


def table(tallies: dict[str, Tally]) -> Iterator[str]:
    """Lines for the screen."""
    rows = [list(HEADINGS), *(tally.row(kind) for kind, tally in tallies.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        yield "  ".join(
            word.rjust(width) if k else word.ljust(width) for k, (word, width) in enumerate(zip(row, widths))
        )


def write_csv(tallies: dict[str, Tally], returns: Sequence[Return], path: Path) -> None:
    """The table, and beside it ``<name>-returns.csv`` with every return."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADINGS, *(tally.row(kind) for kind, tally in tallies.items())])
    with path.with_name(f"{path.stem}-returns.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[item.name for item in fields(Return)], *map(astuple, returns)])


def run(root: Path, words: Sequence[str], out: Path | None, pictures: Path | None) -> None:
    """Tracks the set unless that is done, prints the table, writes what is asked for."""
    events = read_events(root / "events.csv")
    words = ["output_dir=outputs/occlusion", *words] if not any(w.startswith("output_dir=") for w in words) else words
    config = compose(
        ["dataset=davis2017", f"dataset.root={root}", f"split={SPLIT}", *words], "evaluate", EvaluateConfig
    )[0].config
    sequences = read_dataset(root, 2017, config.split, config.dataset.resolution, config.sequences)
    results = Path(config.results or f"{config.output_dir}/masks").expanduser()
    if config.results is None:
        with sole_writer(results.parent, FILES):
            run_videos(config, sequences, results)
    tallies, returns = judge_set(sequences, results, events)
    print("\n".join(table(tallies)))
    if out is not None:
        write_csv(tallies, returns, out)
    if pictures is not None:
        draw_misses(sequences, results, returns, pictures)


def main() -> int:
    """Reads the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, help="folder written by tools/render/occlusion_set.py")
    parser.add_argument("--out", type=Path, default=None, help="CSV file for the table; the returns go beside it")
    parser.add_argument("--pictures", type=Path, default=None, help="folder for a picture of each return not found")
    parser.add_argument("options", nargs="*", help="options of vos.evaluate, written name=value")
    arguments = parser.parse_intermixed_args()
    return exit_code(lambda: run(arguments.set, arguments.options, arguments.out, arguments.pictures))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


if __name__ == "__main__":
    sys.exit(main())
