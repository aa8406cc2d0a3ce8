"""Inputs and results in a store elsewhere that refuses, stalls, forgets or fills up; later it does what it should."""

from __future__ import annotations

import importlib
import random
import shutil
from pathlib import Path
from typing import Any

from faulting import store
from faulting.bench import Bench
from faulting.fault import Fault
from faulting.judge import LOST, ONE_LINE, SILENT, TRACEBACK, Verdict, crash, lines, tail
from faulting.kinds import Choice, Kind
from faulting.kinds.batches import NAMES, expected, lay
from faulting.kinds.kills import difference, digest

PLACES = {"inputs": ("faulty://b", "o"), "results": (".", "faulty://r"), "both": ("faulty://b", "faulty://r")}


def attempt(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A run or a batch whose store fails at some moment: in a line, with nothing half-written; the next one ends."""
    lay(bench)
    wanted = expected(bench)
    _shorten_patience()
    inputs, results = PLACES[choice["place"]]
    root = bench.place / "store"
    for path in [*bench.place.glob("*.mp4"), *bench.place.glob("*.png"), bench.place / "clips.csv"]:
        (root / "b").mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, root / "b")
    words = [f"manifest={inputs}/clips.csv", f"output_dir={results}", "output=[masks]", f"workers={choice['workers']}"]
    command, names = "batch", list(NAMES)
    if choice["command"] == "run":
        command, names = "run", list(NAMES[:1])
        words = [f"video={inputs}/alpha.mp4", f"ref_mask={inputs}/alpha.png", f"output_dir={results}/alpha", words[2]]
    bench.users = {}
    fault = Fault(environ={"VOS_CACHE": str(bench.place / "cache")})
    store.begin(root, choice["way"], rng.randrange(40))
    first = bench.run(command, words, fault)
    store.begin(root, "well", 0)
    if (bad := crash(first)) is not None:
        return bad
    place = root / "r" if results.startswith("faulty") else bench.place / "o"
    if half := [name for name in names if is_half(place / name, wanted[name])]:
        return Verdict(LOST, f"{half[0]} is half-written: {tail(first.err)}")
    told = [line for line in lines(first.err) if line.startswith(("error:", "failed:"))]
    if first.code and not told:
        return Verdict(TRACEBACK, f"exit code {first.code} without a line that says why: {tail(first.err)}")
    last = bench.run(command, words, fault)
    for name in names:
        if last.code or (wrong := difference(of(wanted[name]), of(digest(place / name)))):
            return Verdict(SILENT, f"then exit code {last.code}, {name}: {tail(last.err) if last.code else wrong}")
    return bench.judge(last, may_refuse=False, must_write=False) if not told else Verdict(ONE_LINE, told[0])


def of(files: dict[str, str]) -> dict[str, str]:
    """The masks alone: summaries name where the video lies, and notes stay on this machine."""
    return {name: value for name, value in files.items() if name.startswith("masks/")}


def is_half(folder: Path, wanted: dict[str, str]) -> bool:
    """Tells whether results are there that say that they are finished and are not."""
    return (folder / "summary.json").exists() and bool(difference(of(wanted), of(digest(folder))))


def _shorten_patience() -> None:
    """Shortens the patience with a store that says nothing."""
    module: Any = importlib.import_module("vos.io.stores")
    module.STALL = 1.0


KINDS = (
    Kind(
        "stores elsewhere",
        60,
        {"command": ("run", "batch"), "place": tuple(PLACES), "way": store.WAYS, "workers": (1, 2)},
        attempt,
    ),
)
