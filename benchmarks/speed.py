"""How fast is it, beside the published code? Seconds of a frame with reading and writing, in turns, and peak memory.

    python benchmarks/speed.py [--reference Personalize-SAM] [--cases vit_t-1 nano-3-1080p] [--minutes 4] [--write]

REFERENCE is a checkout of the published code; without it only this program is measured. Each run is a process of its
own on a rendered clip, with equal random weights (nano: its own). Contenders take turns, so that a slow minute is
everybody's. What is finished is kept in OUT/speed.jsonl; with --minutes no further run begins after so long, and the
same command goes on from there. Nothing else should run meanwhile: where others used more than a twentieth of the
machine, the run is not kept. --write puts the medians into docs/speed.csv; then ``make docs``.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from figures import ROOT, commit, machine
from timing.case import PUBLISHED, WAYS, Case, chosen

COLUMNS = (
    "case",
    "contender",
    "frame",
    "least",
    "most",
    "learn",
    "before",
    "memory",
    "turns",
    "commit",
    "machine",
    "day",
)
FLOOR = "floor"
DISTURBED = 0.05  # of all cores, by others

Row = dict[str, Any]


class Results:
    """The runs that are finished, one a line, of this commit and machine.

    Args:
        path: of the file; other commits' lines in it stay and do not count.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.source = path, {"commit": commit(), "machine": machine()}
        lines = path.read_text().splitlines() if path.exists() else []
        self.rows: list[Row] = [row for line in lines if self.source.items() <= (row := json.loads(line)).items()]

    def have(self, case: str, contender: str, turn: int) -> bool:
        """Tells whether this run is finished."""
        return any((row["case"], row["contender"], row["turn"]) == (case, contender, turn) for row in self.rows)

    def add(self, case: str, contender: str, turn: int, measured: Row) -> None:
        """Keeps a finished run."""
        row = {"case": case, "contender": contender, "turn": turn, **measured, **self.source}
        self.rows.append({**row, "day": time.strftime("%Y-%m-%d")})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(self.rows[-1]) + "\n")


def seeded_weights(model: str, folder: Path) -> Path:
    """Writes random weights that are equal for everyone, once; returns the file."""
    path = folder / f"{model}.pth"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        code = (
            "import sys, torch; from seeded_weights import build_sam; "
            "torch.save(build_sam(sys.argv[1]).network.state_dict(), sys.argv[2])"
        )
        partial = path.with_suffix(".partial")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests/support")])}
        subprocess.run([sys.executable, "-c", code, model, str(partial)], check=True, env=environment)
        partial.replace(path)
    return path


def busy() -> float:
    """Reads how many seconds all cores together have worked since the system began; 0 where it does not say."""
    if not Path("/proc/stat").exists():
        return 0.0
    user, nice, system, _, _, *rest = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ended:
    """A process that has ended: what it printed last, its seconds, MiB at most, and others' share of the machine."""

    said: str
    seconds: float
    memory: float
    others: float


def run(words: Sequence[str], folder: Path) -> Ended:
    """Runs a program.

    Raises:
        SystemExit: it failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begin, worked = time.perf_counter(), busy()
        process = subprocess.Popen(words, stdout=out, stderr=err, env=environment, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        others = (busy() - worked - usage.ru_utime - usage.ru_stime) / (seconds * (os.cpu_count() or 1))
        out.seek(0)
        err.seek(0)
        if status:
            raise SystemExit(f"error: {' '.join(words[:4])} ... failed: {err.read()[-1500:]}")
        unit = 1024 * 1024 if sys.platform == "darwin" else 1024
        return Ended(out.read().strip().splitlines()[-1], seconds, usage.ru_maxrss / unit, others)


def measure(case: Case, reference: Path | None, out: Path, contender: str) -> Row:
    """Runs a contender once; returns seconds of a frame, of learning and of all before, and MiB of peak memory."""
    clip = case.make_clip(out)
    weights = [] if case.model == "nano" else [str(seeded_weights(case.model, out))]
    if contender == PUBLISHED:
        script = ROOT / "benchmarks/timing/published.py"
        words = [sys.executable, str(script), str(reference), str(clip), case.model, *weights]
        ended = run(words, out)
        return {**json.loads(ended.said), "learn": 0.0, "memory": ended.memory, "others": ended.others}
    options = [f"model={case.model}", "output=[masks]", "overwrite=true", *WAYS[contender]]
    options += [f"checkpoint={path}" for path in weights]
    files = [f"video={clip}/JPEGImages/480p/clip", f"ref_mask={clip}/Annotations/480p/clip/00000.png"]
    with tempfile.TemporaryDirectory(dir=out) as folder:
        words = [sys.executable, "-m", "vos.run", *files, f"output_dir={folder}/run", *options]
        ended = run(words, out)
        summary = json.loads(Path(folder, "run/summary.json").read_text())
    frames, frame = len(summary["frames"]), 1 / summary["frames_per_second"]
    learn = summary["timings_seconds"].get("learn", 0.0)
    return {
        "frame": frame,
        "before": ended.seconds - learn - frames * frame,
        "frames": frames,
        "learn": learn,
        "memory": ended.memory,
        "others": ended.others,
    }


def take_turns(
    results: Results, case: str, contenders: Sequence[str], turns: int, end: float, measure: Callable[[str], Row]
) -> None:
    """Measures what is not finished, contenders in turns; begins no run after ``end``, in seconds of the clock."""
    for turn, contender in product(range(turns), contenders):
        if results.have(case, contender, turn):
            continue
        if time.monotonic() > end:
            print("the time is up; the same command goes on from here")
            break
        row = measure(contender)
        is_kept = row.pop("others") <= DISTURBED
        lost = "" if is_kept else "; others used the machine: not kept, the same command measures it again"
        print(f"{case} {contender}, turn {turn + 1}: {row['frame']:.3f} s, {row['memory']:.0f} MiB{lost}", flush=True)
        if is_kept:
            results.add(case, contender, turn, row)


def medians(rows: Sequence[Row]) -> list[Row]:
    """Joins the turns of each case and contender into one row of docs/speed.csv."""
    joined = []
    for key in dict.fromkeys((row["case"], row["contender"]) for row in rows):
        turns = [row for row in rows if (row["case"], row["contender"]) == key]
        frames = sorted(row["frame"] for row in turns)
        middle = {
            name: f"{statistics.median(row[name] for row in turns):.2f}" for name in ("learn", "before", "memory")
        }
        spread = {"frame": statistics.median(frames), "least": frames[0], "most": frames[-1]}
        about = {name: turns[-1][name] for name in ("case", "contender", "commit", "machine", "day")}
        joined.append({**about, **middle, **{k: f"{v:.4f}" for k, v in spread.items()}, "turns": len(turns)})
    return joined


def write(rows: Sequence[Row], path: Path) -> None:
    """Puts rows into docs/speed.csv, in place of older ones of the same case and contender."""
    older = list(csv.DictReader(path.open(newline=""))) if path.exists() else []
    new = {(row["case"], row["contender"]) for row in rows}
    kept = [row for row in older if (row["case"], row["contender"]) not in new]
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows([*rows, *kept])


def floors(results: Results, out: Path) -> None:
    """Measures this machine's own rates once, and what they allow."""
    if results.have("bandwidth", FLOOR, 0):
        return
    ended = run([sys.executable, str(ROOT / "benchmarks/timing/floor.py")], out)
    measured = json.loads(ended.said)
    if ended.others > DISTURBED:
        print(f"others used {ended.others:.0%} of the machine while its rates were measured: not kept", flush=True)
        return
    found = {f"{model} {kind}": measured[kind][model] for kind in WAYS for model in measured[kind]}
    for name, value in {**found, "bandwidth": measured["bandwidth"]}.items():
        results.add(name, FLOOR, 0, {"frame": value, "learn": 0.0, "before": 0.0, "memory": ended.memory})


def parsed(parser: argparse.ArgumentParser, script: str, argv: Sequence[str] | None) -> argparse.Namespace:
    """Reads the options of a measurement in turns from the command line; paths come back in full, ``out`` made.

    Args:
        parser: with options of its own.
        script: of the published code, by which its checkout is told.
        argv: the words; None = those of the process.

    Returns:
        reference, turns, end (seconds of the clock), out, write, and the parser's own.
    """
    parser.add_argument("--reference", type=Path, help="checkout of the published code, Personalize-SAM")
    parser.add_argument("--turns", type=int, default=3, help="runs of each contender")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no run begins later than that")
    parser.add_argument("--out", type=Path, default=Path("outputs/speed"), help="inputs, weights, what is finished")
    parser.add_argument("--write", action="store_true", help="write docs/speed.csv")
    given = parser.parse_args(argv)
    if given.reference and not (given.reference / script).is_file():
        parser.error(f"--reference {given.reference} has no {script}; give a checkout of Personalize-SAM")
    given.out, given.reference = given.out.resolve(), given.reference and given.reference.resolve()
    given.out.mkdir(parents=True, exist_ok=True)
    given.end = time.monotonic() + 60 * given.minutes
    return given


def publish(results: Results) -> None:
    """Writes the medians into docs/speed.csv."""
    write(medians(results.rows), ROOT / "docs" / "speed.csv")
    print("wrote docs/speed.csv; now: make docs")


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the options from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=[], help="beginnings of their names; none = all")
    given = parsed(parser, "persam_video.py", argv)
    results = Results(given.out / "speed.jsonl")
    floors(results, given.out)
    for case in chosen(given.cases):
        contenders = [one for one in case.contenders if one != PUBLISHED or given.reference]
        measure_one = partial(measure, case, given.reference, given.out)
        take_turns(results, str(case), contenders, given.turns, given.end, measure_one)
    if given.write:
        publish(results)


if __name__ == "__main__":
    main()
