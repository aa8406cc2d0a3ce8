"""Does a process that follows one video after the other grow? Resident memory after each of many runs.

    python benchmarks/repeats.py [--runs 50] [--frames 20] [option=value ...]

Follows a square in pictures from memory, again and again, with ``vos.track``, and prints the memory after each run.
Ends with status 1 if the last run leaves 10 % more than the second.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

import vos

HEIGHT, WIDTH, SIDE = 144, 192, 40
LIMIT = 0.10


def pictures(count: int) -> list[npt.NDArray[np.uint8]]:
    """A striped square that moves over noise."""
    noise = np.random.default_rng(0).integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    frames = [noise.copy() for _ in range(count)]
    for x, frame in enumerate(frames):
        frame[50 : 50 + SIDE, x : x + SIDE] = (230, 60, 30)
        frame[50 : 50 + SIDE, x : x + SIDE : 4] = (250, 210, 60)
    return frames


def resident() -> float:
    """Resident memory of this process in MiB (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> int:
    """Reads the options from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Resident memory after each of many runs in one process.")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("options", nargs="*", help="options of vos.run that are numbers or text")
    arguments = parser.parse_args()
    words = (word.partition("=") for word in ("model.input_size=256", *arguments.options))
    options = {name: int(value) if value.isdigit() else value for name, _, value in words}
    frames = pictures(arguments.frames)
    box = (0, 50, SIDE, SIDE)
    after = []
    for run in range(arguments.runs):
        found = sum(result[1].presence != "absent" for result in vos.track(frames, box, options=options))
        after.append(resident())
        print(f"run {run + 1:3d}: {found} frames with the object, {after[-1]:7.1f} MiB", flush=True)
    growth = after[-1] / after[min(1, len(after) - 1)] - 1
    print(f"growth since the second {growth:+.1%} (limit {LIMIT:.0%})")
    return int(growth >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
