"""Runs that are killed or interrupted at any moment, and go on: the results are those of a run that was left alone."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faulting.bench import Bench
from faulting.fault import NO_FAULT, Fault, Outcome
from faulting.judge import ONE_LINE, RIGHT, SILENT, TRACEBACK, Verdict, crash, lines, snapshot, tail
from faulting.kinds import Choice, Kind

TIMES = ("written.jsonl", "written.copy.jsonl")  # say when each file was written
# A kill may leave them, hidden, and they mean nothing; which states a correction may go back to depends on the time.
SCRAPS = re.compile(r"(^|/)\.vos/(lock$|resume/|\.[^/]*partial)")
TIMING = re.compile(r"second|per_frame|speed|date|time")  # keys of what a run took


@dataclass(frozen=True)
class Job:
    """A command, what it needs, and the words that follow it; it writes into the folder o."""

    command: str
    material: tuple[str, ...]
    words: tuple[str, ...]


def _video(*words: str, material: tuple[str, ...] = (), video: str = "clip.mp4", mask: str = "m0.png") -> Job:
    given = (f"ref_mask={mask}",) if mask else ()
    laid = (video, *((mask,) if mask else ()), *material)
    return Job("run", laid, (f"video={video}", *given, "output_dir=o", *words))


ALBUM = Job(
    "album", ("photos", "ref.png", "m0.png"), ("images=photos", "ref_image=ref.png", "ref_mask=m0.png", "output_dir=o")
)
JOBS = {
    "masks": _video("output=[masks]"),
    "overlay": _video(),
    "matte": _video("output=[matte]"),
    "matte.webm": _video("output=[matte]", "matte.format=webm"),
    "rle": _video("output=[rle]"),
    "all": _video("output=[masks,overlay,matte,rle]"),
    "folder": _video(video="frames"),
    "sound": _video(video="clips/aac.mp4"),
    "batches": _video("batch_size=2"),
    "late": _video("ref_frame=3", mask="m3.png"),
    "late, all": _video("ref_frame=3", "output=[masks,overlay,matte,rle]", mask="m3.png"),
    "correction": _video("ref_mask=[m0.png,m3.png]", "ref_frame=[0,3]", material=("m0.png", "m3.png"), mask=""),
    "two late": _video("ref_mask=[m2.png,m4.png]", "ref_frame=[2,4]", material=("m2.png", "m4.png"), mask=""),
    "box": _video("ref_box=[10,20,22,22]", mask=""),
    "by concept": _video("concept=rex.concept", material=("rex.concept",), mask=""),
    "album": ALBUM,
    "album, all": Job("album", ALBUM.material, (*ALBUM.words, "output=[masks,overlay,cutout,white,blur,dreambooth]")),
    "concept": Job("concept", ("ref.png", "m0.png"), ("ref_image=ref.png", "ref_mask=m0.png", "out=o/rex.concept")),
    "evaluate": Job("evaluate", ("davis",), ("dataset.root=davis", "split=val", "output_dir=o", "workers=1")),
}


@dataclass(frozen=True)
class Reference:
    """What a run gives that is left alone: a digest per file, how long it took, how often it wrote."""

    digest: dict[str, str]
    seconds: float
    events: int


def start(bench: Bench, job: str, fault: Fault = NO_FAULT) -> Outcome:
    """Lays the material of a job unless it is there, and runs it."""
    for name in JOBS[job].material:
        if not (bench.place / name).exists():
            bench.lay(name)
    return bench.run(JOBS[job].command, JOBS[job].words, fault)


def reference(bench: Bench, job: str) -> Reference:
    """Runs a job undisturbed, once; afterwards from what was kept."""
    key = re.sub(r"\W+", "-", job) + ("-default" if bench.default_options else "")
    kept = bench.material.folder / "references" / f"{key}.json"
    if kept.exists():
        return Reference(**json.loads(kept.read_text()))
    place, users, aside = bench.place, bench.users, bench.place.with_name("aside")
    shutil.rmtree(aside, ignore_errors=True)
    place.rename(aside)  # the path of the folder is part of some fingerprints
    bench.begin(place)
    outcome = start(bench, job)
    if outcome.code:
        raise RuntimeError(f"the undisturbed run of {job} fails: {tail(outcome.err)}")
    found = Reference(digest(bench.place / "o"), outcome.seconds, outcome.events)
    bench.begin(place)
    place.rmdir()
    aside.rename(place)
    bench.users = users
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(found.__dict__))
    return found


def digest(folder: Path) -> dict[str, str]:
    """A hash per file, links and left-overs included; of JSON without what the run took."""
    found = snapshot(folder) if folder.exists() else {}
    found = {k: v for k, v in found.items() if Path(k).name not in TIMES and not SCRAPS.search(k)}
    for name in found:
        path = folder / name
        if path.suffix == ".json" and path.is_file():
            with suppress(ValueError):  # not ours: as it is
                found[name] = hashlib.sha256(json.dumps(_timeless(json.loads(path.read_text()))).encode()).hexdigest()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if not TIMING.search(k)}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def difference(expected: dict[str, str], found: dict[str, str]) -> str | None:
    """In a line what two digests disagree about."""
    names = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return f"{len(names)} files differ from an undisturbed run: {', '.join(names[:3])}" if names else None


def attempt(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Disturbs a job once or twice, and then lets it finish."""
    job, expected = choice["job"], reference(bench, choice["job"])
    number = signal.SIGINT if choice["signal"] == "Ctrl-C" else signal.SIGKILL
    said: Verdict | None = None
    for _ in range(choice["times"]):
        moment = rng.random()
        if choice["moment"] == "write":
            fault = Fault(at_event=int(moment * expected.events), signal=number, state_every_frame=choice["state"])
        else:
            fault = Fault(after=moment * expected.seconds, signal=number, state_every_frame=choice["state"])
        outcome = start(bench, job, fault)
        if outcome.signal == signal.SIGKILL and number == signal.SIGKILL and not outcome.hung:
            continue
        if (bad := crash(outcome)) is not None:
            return bad
        if outcome.code == 130:
            said = _interrupted(outcome.err)
            if said.verdict != ONE_LINE:
                return said
        elif outcome.code != 0:
            return Verdict(TRACEBACK, f"exit code {outcome.code} after {choice['signal']}: {tail(outcome.err)}")
    outcome = start(bench, job)
    wrong = difference(expected.digest, digest(bench.place / "o"))
    verdict = bench.judge(outcome, lambda: wrong, may_refuse=False)
    return verdict if verdict.verdict != RIGHT else Verdict(RIGHT, "interrupted and went on" if said else "")


def _interrupted(err: str) -> Verdict:
    """Ctrl-C is answered by one line that says how to go on."""
    told = [line for line in lines(err) if line.startswith("interrupted")]
    if len(told) != 1 or len(told[0].split()) < 4:
        return Verdict(SILENT, f"Ctrl-C does not say how to go on: {tail(err)}")
    return Verdict(ONE_LINE, told[0])


GRID = {
    "job": tuple(JOBS),
    "signal": ("kill -9", "kill -9", "Ctrl-C"),
    "moment": ("write", "time"),
    "state": (False, True),
    "times": (1, 2),
}
KILLS = Kind("killed or interrupted", 400, GRID, attempt)
