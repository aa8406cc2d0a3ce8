"""Does a batch lose anything when it, a process of it or a shard is killed at random moments, again and again?

    python benchmarks/batch_kills.py [--kills 50] [--clips 8] [--frames 30] [--seed 0] [--out outputs/batch_kills]

Every batch that is killed is begun again with the same command. When all clips are done, the results begin anew, until
there were enough kills. Masks must always be those of a batch that was left alone, with nothing half-written beside.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from batch import make_clips, masks

OPTIONS = ["output=masks", "tracker.adapt.enabled=false", "model.input_size=256"]
WAYS = {"a batch": 2, "one process of a batch": 1, "one of two shards": 1}  # what is killed, and how often of four


def begin(table: Path, out: Path, *words: str) -> subprocess.Popen[bytes]:
    """Begins a batch."""
    words = (f"manifest={table}", f"output_dir={out}", *OPTIONS, *(words or ("workers=2",)))
    return subprocess.Popen(
        [sys.executable, "-m", "vos.batch", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def workers_of(parent: int) -> list[int]:
    """The processes that do the work of a batch."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_child = int((path / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if is_child and b"resource_tracker" not in (path / "cmdline").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def kill_once(table: Path, out: Path, way: str, seconds: float) -> tuple[bool, bool, list[str]]:
    """Begins a batch or two shards, kills what the way says, and lets the others end.

    Returns:
        Whether something was killed, whether all clips are done, and what went wrong.
    """
    shards = [(f"shard={index}/2", "workers=1") for index in (0, 1)] if way == "one of two shards" else [()]
    processes = [begin(table, out, *words) for words in shards]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        time.sleep(0.01)
    alive = [process.pid for process in processes if process.poll() is None]
    if way == "one process of a batch":
        alive = [pid for parent in alive for pid in workers_of(parent)]
    if alive:
        os.kill(random.choice(alive), signal.SIGKILL)
    said = [process.communicate()[1].decode() for process in processes]
    codes = [process.returncode for process in processes]
    wrong = [f"exit code {code}: {text}" for code, text in zip(codes, said) if code not in (0, -signal.SIGKILL)]
    return bool(alive), not any(codes), wrong


def faults_of(out: Path, wanted: dict[str, str]) -> list[str]:
    """What is wrong with the results of a batch that has ended."""
    left = [path for path in out.rglob("*") if ".partial" in path.name or path.name.endswith(".old")]
    return ["masks differ"] * (masks(out) != wanted) + [f"{path} is left half-written" for path in left]


def main(argv: Sequence[str] | None = None) -> int:
    """Reads the options from the command line; returns 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=8.0, help="seconds after which something is killed, at most")
    parser.add_argument("--out", type=Path, default=Path("outputs/batch_kills"))
    arguments = parser.parse_args(argv)
    folder = arguments.out.resolve()
    random.seed(arguments.seed)
    table, out = make_clips(folder, arguments.clips, arguments.frames), folder / "killed"
    shutil.rmtree(folder / "alone", ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    begin(table, folder / "alone").communicate()
    wanted, faults, rounds = masks(folder / "alone"), 0, 0
    kills = dict.fromkeys(WAYS, 0)
    while sum(kills.values()) < arguments.kills or out.exists():
        way = random.choices(list(WAYS), list(WAYS.values()))[0]
        was_killed, is_done, wrong = kill_once(table, out, way, random.uniform(0.5, arguments.longest))
        kills[way] += was_killed
        if is_done:
            wrong += faults_of(out, wanted)
            shutil.rmtree(out)
            rounds += 1
        faults += bool(wrong)
        print(*wrong, f"{sum(kills.values())} kills, {rounds} rounds", sep="\n", flush=True)
    told = ", ".join(f"{count} of {what}" for what, count in kills.items())
    print(f"{sum(kills.values())} kills ({told}), {rounds} rounds of {arguments.clips} clips: {faults} faults")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
