"""Many objects at once, and many clips in one command."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image

from faulting import scene
from faulting.bench import Bench
from faulting.judge import LOST, RIGHT, SILENT, TRACEBACK, Verdict, crash, lines, tail
from faulting.kinds import Choice, Kind

COLUMNS, CELL = 20, 16  # objects in a row; pixels
MOST = 2500.0  # MiB that a run may take


def attempt_objects(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Many objects at once: all of them in the first frame, and memory that is bounded."""
    count = choice["objects"]
    labels = np.zeros((13 * CELL, COLUMNS * CELL), np.uint8)
    for number in range(count):
        top, left = CELL * (number // COLUMNS) + 3, CELL * (number % COLUMNS) + 3
        labels[top : top + 10, left : left + 10] = number + 1
    colours = np.random.default_rng(1).integers(60, 256, (256, 3), np.uint8)
    colours[0] = 20
    (bench.place / "frames").mkdir()
    for index in range(2):
        Image.fromarray(colours[labels]).save(bench.place / "frames" / f"{index:05d}.png")
    mask = Image.fromarray(labels, "P")
    mask.putpalette(colours.tobytes())
    mask.save(bench.place / "many.png")
    words = ["video=frames", "ref_mask=many.png", "output_dir=o", "output=[masks]"]
    words += [f"model.input_size={choice['size']}", f"tracker.adapt.enabled={str(choice['learn']).lower()}"]
    outcome = bench.run("run", words, timeout=300.0)

    def problem() -> str | None:
        found = np.unique(np.asarray(Image.open(bench.place / "o" / "masks" / "00000.png")))
        if len(found) - 1 < count:
            return f"{len(found) - 1} objects of {count}"
        return f"a peak of {outcome.peak:.0f} MiB" if outcome.peak > MOST else None

    return bench.judge(outcome, problem, may_refuse=False)


BAD = ("missing", "cut", "text", "empty", "other size", "folder without pictures", "none")


def attempt_batch(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Several clips in one command, one of them bad: the others are done, the bad one is named, exit code 3."""
    bench.lay("m0.png")
    names = ["a.mp4", "b.mp4", "c.mp4"]
    for name in names:
        bench.lay("clip.mp4", name)
    bad = None if choice["bad"] == "none" else names[choice["place"]]
    if bad is not None:
        _spoil(bench, bad, choice["bad"])
    outcome = bench.run("run", ["-m", f"video={','.join(names)}", "ref_mask=m0.png", f"output={choice['output']}"])
    if (broken := crash(outcome)) is not None:
        return broken
    if losses := bench.losses():
        return Verdict(LOST, losses[0])
    for name in names:
        folder = f"outputs/{name[:-4]}/masks"
        if name != bad and (wrong := bench.masks_problem(folder)):
            return Verdict(SILENT, f"{name}: {wrong}; exit code {outcome.code}: {tail(outcome.err)}")
    expected = 0 if bad is None else 3
    if outcome.code != expected:
        return Verdict(TRACEBACK, f"exit code {outcome.code}, not {expected}: {tail(outcome.err)}")
    told = any(f"{bad}: " in line or f"error: {bad}" in line for line in lines(outcome.err)) if bad else True
    return Verdict(RIGHT) if told else Verdict(SILENT, f"{bad} is not named: {tail(outcome.err)}")


def _spoil(bench: Bench, name: str, how: str) -> None:
    path = bench.place / name
    data = path.read_bytes()
    path.unlink()
    if how == "folder without pictures":
        path.mkdir()
    elif how == "other size":
        path.mkdir()
        Image.fromarray(scene.picture()).resize((40, 30)).save(path / "0.png")
    elif how != "missing":
        path.write_bytes({"cut": data[:200], "text": b"no video", "empty": b""}[how])


KINDS = (
    Kind(
        "many objects",
        6,
        {"objects": (20, 60, 120, 255), "size": (128, 384, 640), "learn": (False, False, True)},
        attempt_objects,
    ),
    Kind(
        "several clips",
        30,
        {"bad": BAD, "place": (0, 1, 2), "output": ("[masks]", "[masks,overlay]")},
        attempt_batch,
    ),
)
