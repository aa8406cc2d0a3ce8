"""Does a batch lose anything when it is killed? Kills it, or one of its processes, at random moments, again and again.

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

OPTIONS = ["output=masks", "tracker.adapt.enabled=false", "model.input_size=256", "workers=2"]


def begin(table: Path, out: Path) -> subprocess.Popen[bytes]:
    """Begins a batch."""
    words = [sys.executable, "-m", "vos.batch", f"manifest={table}", f"output_dir={out}", *OPTIONS]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


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


def main(argv: Sequence[str] | None = None) -> int:
    """Reads the options from the command line; returns 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=8.0, help="seconds after which a batch is killed, at most")
    parser.add_argument("--out", type=Path, default=Path("outputs/batch_kills"))
    arguments = parser.parse_args(argv)
    folder, draw = arguments.out.resolve(), random.Random(arguments.seed)
    table, out = make_clips(folder, arguments.clips, arguments.frames), folder / "killed"
    shutil.rmtree(folder / "alone", ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    begin(table, folder / "alone").communicate()
    wanted, faults, rounds = masks(folder / "alone"), 0, 0
    kills = {"batch": 0, "one process": 0}
    while sum(kills.values()) < arguments.kills:
        process, deadline = begin(table, out), time.monotonic() + draw.uniform(0.5, arguments.longest)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        alive = workers_of(process.pid) if process.poll() is None else []
        if alive and draw.random() < 0.3:
            os.kill(draw.choice(alive), signal.SIGKILL)
            kills["one process"] += 1
        elif process.poll() is None:
            process.kill()
            kills["batch"] += 1
        _, said = process.communicate()
        if process.returncode == 0:
            left = [path for path in out.rglob("*") if ".partial" in path.name or path.name.endswith(".old")]
            if masks(out) != wanted or left:
                faults += 1
                print(f"round {rounds}: masks differ, or there is left {left}")
            shutil.rmtree(out)
            rounds += 1
        elif process.returncode != -signal.SIGKILL:
            faults += 1
            print(f"exit code {process.returncode}: {said.decode()}")
        print(f"{sum(kills.values())} kills, {rounds} rounds done", end="\r", flush=True)
    process = begin(table, out)
    process.communicate()
    faults += masks(out) != wanted
    told = ", ".join(f"{count} of {what}" for what, count in kills.items())
    print(f"{sum(kills.values())} kills ({told}), {rounds + 1} rounds of {arguments.clips} clips: {faults} faults")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
