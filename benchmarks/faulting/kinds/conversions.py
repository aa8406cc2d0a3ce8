"""Results that are converted when something is not as the run left it: the forms of an intact folder, or one line."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from faulting.bench import Bench
from faulting.fault import NO_FAULT, Fault
from faulting.judge import ONE_LINE, RIGHT, Verdict, crash
from faulting.kinds import Choice, Kind
from faulting.kinds.kills import difference, digest
from faulting.material import cut

PICTURED = ("[overlay]", "[yolo,gif]", "[matte,coco]", "[png_rgba]")  # need the video
FORMS = ("[coco]", "[ytvis,mots]", "[mot,csv,npz]", "[cvat,cvat_images]", "[masks]", "[rle]", *PICTURED)
GIVEN = {"video": "clip.mp4", "folder": "frames", "mixed folder": "frames"}
RESULTS = {  # what is given as results
    "no folder": ["nowhere"],
    "a file": ["m0.png"],
    "a folder of pictures": ["frames"],
    "its own masks": ["o/masks"],
    "the same twice": ["o", "o/"],
}
PLACES = {"into its own masks": "o/masks", "into the frames": "frames"}  # where forms would go


def _one(path: Path) -> Path:
    """A file of the results' masks: one in the middle, or the only one."""
    return sorted(path.glob("masks/*.png"))[3] if (path / "masks").is_dir() else path / "rle.json"


def _emptied(path: Path, rng: random.Random) -> None:
    _one(path).write_bytes(b"")


def _cut(path: Path, rng: random.Random) -> None:
    one = _one(path)
    one.write_bytes(cut(one.read_bytes(), "cut", rng.random(), 0))


def _other_size(path: Path, rng: random.Random) -> None:
    Image.fromarray(np.ones((9, 7), np.uint8)).save(_one(path), "PNG")


def _changed(path: Path, rng: random.Random) -> None:
    """Another frame's mask, as if a user had corrected one."""
    if (path / "masks").is_dir():
        shutil.copyfile(path / "masks/00000.png", _one(path))
    else:
        _one(path).write_text(_one(path).read_text().replace('"presence":"present"', '"presence":"uncertain"'))


def _summary(change: Callable[[str], str]) -> Callable[[Path, random.Random], None]:
    def harm(path: Path, rng: random.Random) -> None:
        summary = path / "summary.json"
        summary.write_text(change(summary.read_text()))

    return harm


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "mask missing": lambda path, rng: _one(path).unlink(),
    "mask emptied": _emptied,
    "mask cut": _cut,
    "mask of another size": _other_size,
    "mask changed": _changed,
    "no summary": lambda path, rng: (path / "summary.json").unlink(),
    "older version": _summary(lambda text: text.replace('"clip": {', '"clap": {')),
    "summary cut": _summary(lambda text: text[: len(text) // 2]),
    "frames cut": _summary(lambda text: text[: int(len(text) * 0.95)]),
    "summary of another program": _summary(lambda text: '{"model": 1}'),
    "no record": lambda path, rng: shutil.rmtree(path / ".vos"),
}
SOURCE = ("gone", "moved", "changed", "another")


def attempt(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Converts results as they are, changes something, and converts them again."""
    video = GIVEN[choice["given"]]
    for name in ("clip.mp4", "long.mp4", "frames", "m0.png"):
        bench.lay(name)
    if choice["given"] == "mixed folder":
        (bench.place / "frames/00002.png").rename(bench.place / "frames/00002.PNG")
    words = [f"video={video}", "ref_mask=m0.png", f"output={choice['from']}", "keep=alpha", "output_dir=o"]
    made = bench.run("run", words)
    if made.code or not (bench.place / "o/summary.json").exists():
        return bench.judge(made, lambda: "there are no results", may_refuse=False)
    fresh = bench.run("convert", ["o", f"output={choice['output']}", "output_dir=expected"])
    if fresh.code:
        return bench.judge(fresh, may_refuse=False)
    expected = digest(bench.place / "expected")
    shutil.rmtree(bench.place / "expected")
    return _judged(bench, choice, rng, video, expected)


def _judged(bench: Bench, choice: Choice, rng: random.Random, video: str, expected: dict[str, str]) -> Verdict:
    harm, place = choice["harm"], PLACES.get(choice["harm"], "later")
    if harm in DAMAGES:
        DAMAGES[harm](bench.place / "o", rng)
    more = _source(bench, harm, video) if harm in SOURCE else []
    words = [*RESULTS.get(harm, ["o"]), f"output={choice['output']}", f"output_dir={place}", *more]
    fault = _fault(harm, rng)
    bench.users = {}  # the results, too, are not to be touched
    outcome = bench.run("convert", words, fault)

    def problem() -> str | None:
        if harm == "mask changed" and "differ from what the run wrote" in outcome.err:
            return None
        found = digest(bench.place / place)
        return difference(expected, {name: found[name] for name in found if name in expected or place == "later"})

    if fault is NO_FAULT:
        is_needless = harm in ("intact", "no record", "moved", "the same twice")
        is_needless |= harm in SOURCE and choice["output"] not in PICTURED
        return bench.judge(outcome, problem, may_refuse=not is_needless)
    if outcome.signal != signal.SIGKILL and (bad := crash(outcome)) is not None:
        return bad
    after = bench.judge(bench.run("convert", words), problem, may_refuse=False, must_write=False)
    return Verdict(ONE_LINE) if outcome.code and after.verdict == RIGHT else after


def _fault(harm: str, rng: random.Random) -> Fault:
    """What happens to the conversion itself."""
    if harm == "disk full":
        return Fault(limits={"FSIZE": rng.choice([0, 10, 200, 1000, 5000])})
    if harm in ("killed", "Ctrl-C"):
        return Fault(at_event=rng.randrange(1, 40), signal=signal.SIGKILL if harm == "killed" else signal.SIGINT)
    return NO_FAULT


def _source(bench: Bench, harm: str, video: str) -> list[str]:
    """Does something to the video; returns the words that a user would add."""
    path = bench.place / video
    if harm == "changed" and path.is_dir():
        Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save(path / "00003.png")
        return []
    if harm == "changed":
        path.write_bytes(path.read_bytes() + b"\0")
        return []
    moved = path.with_name(f"moved-{video}")
    path.rename(moved)
    if harm == "another":
        shutil.copy(bench.place / "long.mp4", path)
    return [f"video={moved.name}"] if harm == "moved" else []


GRID = {
    "given": GIVEN,
    "from": ("masks", "rle"),
    "output": FORMS,
    "harm": ("intact", *DAMAGES, *SOURCE, *RESULTS, *PLACES, *("disk full", "killed", "Ctrl-C") * 2),
}
KINDS = (Kind("conversions", 80, {name: tuple(values) for name, values in GRID.items()}, attempt),)
