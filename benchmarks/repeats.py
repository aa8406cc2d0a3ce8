"""Does a process that follows one video after the other grow? Resident memory after each of many runs.

    python benchmarks/repeats.py [--runs 50] [--frames 20] [option=value ...]

Follows a square in pictures from memory, again and again, with ``vos.track``, and prints the memory after each run.
Ends with status 1 if the last run leaves 10 % more than the second.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from memory import BOX, LIMIT, pictures

import vos


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
    frames = list(pictures(arguments.frames))
    after = []
    for run in range(arguments.runs):
        found = sum(result[1].presence != "absent" for result in vos.track(frames, BOX, options=options))
        after.append(resident())
        print(f"run {run + 1:3d}: {found} frames with the object, {after[-1]:7.1f} MiB", flush=True)
    growth = after[-1] / after[min(1, len(after) - 1)] - 1
    print(f"growth since the second {growth:+.1%} (limit {LIMIT:.0%})")
    return int(growth >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
