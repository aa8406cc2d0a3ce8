"""Measures the figures of README together, on one machine, and writes them where documents have them.

    python benchmarks/figures.py DATA [--out outputs/figures] [--again] [--write]

DATA holds ``davis16``, ``multi`` and ``perseg_mini``. Each figure is what a documented command gives, run in a process
of its own; what is finished is kept in OUT/figures.json, so that a second run goes on from there. ``--again`` measures
everything anew, and so does another commit. ``--write`` puts the rows on top of docs/benchmarks.csv, in place of older
ones, and into README's table; then ``make docs``. Nothing else should run meanwhile: some figures are speeds.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("what", "figure", "command", "commit", "machine", "hour", "readme")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")

Row = Mapping[str, str]


@dataclass(frozen=True)
class Figure:
    """A row of README's table.

    Attributes:
        what: its first cell.
        command: gives it; DATA stands for the folder of the data.
        read: makes the second cell of the folder that the command wrote and of what it printed.
        folder: whether it writes an ``output_dir``.
        times: how often it is run; ``read`` is given all of them.
    """

    what: str
    command: str
    read: Callable[[Sequence[Path], Sequence[str]], str]
    folder: bool = True
    times: int = 1


def jf(folders: Sequence[Path], printed: Sequence[str]) -> str:
    """Reads J&F of ``vos.evaluate``."""
    with (folders[0] / "global_results-dev.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    return f"J&F {float(row['J&F-Mean']):.3f} (J {float(row['J-Mean']):.3f}, F {float(row['F-Mean']):.3f})"


def presence(folders: Sequence[Path], printed: Sequence[str]) -> str:
    """Reads how often ``photos.py`` found an object that is there, and one that is not."""
    (recall, alarms) = only(r"recall (\S+) +false alarms (\S+)", printed[0])
    (photos,) = only(r"DAVIS albums, (\d+)", printed[0])
    return f"{float(recall):.0%} / {float(alarms):.1%} of {photos} photos".replace("%", " %")


def memory(folders: Sequence[Path], printed: Sequence[str]) -> str:
    """Reads the two peaks of ``memory.py``."""
    short, long = re.findall(r"memory +(\S+) MiB", printed[0])
    return f"{short} and {long} MiB"


def speed(folders: Sequence[Path], printed: Sequence[str]) -> str:
    """Reads the slowest and the fastest of some runs, and the median of how long they learned."""
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in folders]
    rates = sorted(summary["frames_per_second"] for summary in summaries)
    learned = sorted(summary["timings_seconds"]["learn"] for summary in summaries)[len(summaries) // 2]
    span = f"{rates[0]:.0f} to {rates[-1]:.0f}" if round(rates[0]) != round(rates[-1]) else f"{rates[0]:.0f}"
    return f"{span} frames per second after {learned:.0f} s of learning"


def only(pattern: str, text: str) -> tuple[str, ...]:
    """Returns the groups of the first match.

    Raises:
        SystemExit: there is none.
    """
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"error: nothing like {pattern!r} in what was printed: {text[-300:]}")
    return found.groups()


DAVIS = "python -m vos.evaluate dataset=davis2016 dataset.root=DATA/davis16 split=dev"
DOG = "DATA/davis16/JPEGImages/480p/dog ref_mask=DATA/davis16/Annotations/480p/dog/00000.png"
FIGURES = (
    Figure("DAVIS-2016, nine development sequences", DAVIS, jf),
    Figure("the published tracker on the same weights", f"{DAVIS} tracker=published", jf),
    Figure("eight objects of two further sequences", "python -m vos.evaluate dataset.root=DATA/multi split=dev", jf),
    Figure(
        "albums: object found where it is / where it is not",
        "python benchmarks/photos.py DATA --methods p2sam --time 0",
        presence,
        folder=False,
    ),
    Figure(
        "peak memory, 200 and 5,000 frames (input 128 px)",
        "python benchmarks/memory.py model.input_size=128",
        memory,
        folder=False,
    ),
    Figure("60 frames of 854x480, one object", f"python -m vos.run video={DOG} output=[masks]", speed, times=3),
)


def measure(figure: Figure, data: Path, out: Path) -> str:
    """Runs the command of a figure, its progress on stderr; returns the second cell of its row.

    Raises:
        SystemExit: the command failed.
    """
    folders, printed = [], []
    for number in range(figure.times):
        folder = out / f"{re.sub(r'[^a-z0-9]+', '-', figure.what.lower())}-{number}"
        words = [sys.executable, *figure.command.replace("DATA", str(data)).split()[1:]]
        words += [f"output_dir={folder}"] if figure.folder else []
        shutil.rmtree(folder, ignore_errors=True)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
        if done.returncode:
            raise SystemExit(f"error: exit status {done.returncode} of {figure.command}")
        folders.append(folder)
        printed.append(done.stdout)
    return figure.read(folders, printed)


def machine() -> str:
    """Says what processor this is."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    information = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = re.findall(r"model name\s*: (.*)", information) or [platform.processor() or platform.machine()]
    name = re.sub(r"\((?:R|TM)\)| Processor| CPU.*", "", names[0])
    amx = " with AMX" if "amx_tile" in information else ""
    return f"{NUMBERS[cores] if cores < len(NUMBERS) else cores} core{'s' * (cores > 1)} of {name}{amx}"


def commit() -> str:
    """Names the commit that is measured, with "-dirty" if files differ from it."""
    words = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def collect(figures: Sequence[Figure], data: Path, out: Path, again: bool) -> list[Row]:
    """Measures what OUT/figures.json does not have of this commit and machine; returns all rows."""
    path, source = out / "figures.json", {"commit": commit(), "machine": machine()}
    out.mkdir(parents=True, exist_ok=True)
    kept = json.loads(path.read_text()) if path.exists() and not again else {}
    done: dict[str, dict[str, str]] = kept.get("figures", {}) if kept.get("source") == source else {}
    for number, figure in enumerate(figures, start=1):
        if figure.what not in done:
            print(f"[{number}/{len(figures)}] {figure.what}: {figure.command}", file=sys.stderr, flush=True)
            begin, cell = time.strftime("%Y-%m-%d %H:%M"), measure(figure, data, out)
            done[figure.what] = {"figure": cell, "begin": begin, "end": time.strftime("%Y-%m-%d %H:%M")}
            begun = path.with_suffix(".partial")
            begun.write_text(json.dumps({"source": source, "figures": done}, indent=1))
            begun.replace(path)
        print(f"[{number}/{len(figures)}] {figure.what}: {done[figure.what]['figure']}", flush=True)
    hour = f"{min(row['begin'] for row in done.values())} to {max(row['end'] for row in done.values())[-5:]}"
    return [
        {
            "what": figure.what,
            "figure": done[figure.what]["figure"],
            "command": figure.command,
            **source,
            "hour": hour,
            "readme": "yes",
        }
        for figure in figures
    ]


def merged(rows: Sequence[Row], table: str) -> str:
    """Puts rows on top of the text of benchmarks.csv; those that they replace leave it."""
    names = {row["what"] for row in rows}
    older = [row for row in csv.DictReader(io.StringIO(table)) if row["what"] not in names and not row["readme"]]
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*rows, *older])
    return file.getvalue()


def told(rows: Sequence[Row], readme: str) -> str:
    """Puts the rows into README's table of figures, in place of those that it has.

    Raises:
        SystemExit: README has no such table.
    """
    lines = "".join(f"| {row['what']} | {row['figure']} |\n" for row in rows)
    text, count = re.subn(r"(\| what \| figure \|\n\|---\|---\|\n)(?:\|.*\n)+", lambda m: m[1] + lines, readme)
    if count != 1:
        raise SystemExit("error: README.md has no table that begins with | what | figure |")
    return text


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the options from the command line."""
    parser = argparse.ArgumentParser(description="Measures the figures of README together.")
    parser.add_argument("data", type=Path, help="folder that holds davis16, multi and perseg_mini")
    parser.add_argument("--out", type=Path, default=Path("outputs/figures"), help="results, and what is finished")
    parser.add_argument("--again", action="store_true", help="measure what is finished, too")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.csv and README.md")
    arguments = parser.parse_args(argv)
    for name in ("davis16", "multi", "perseg_mini"):
        if not (arguments.data / name).is_dir():
            parser.error(f"{arguments.data} has no folder {name}")
    rows = collect(FIGURES, arguments.data.resolve(), arguments.out.resolve(), arguments.again)
    if arguments.write:
        for path, change in ((ROOT / "docs" / "benchmarks.csv", merged), (ROOT / "README.md", told)):
            path.write_text(change(rows, path.read_text(encoding="utf-8")), encoding="utf-8")
        print("wrote docs/benchmarks.csv and README.md; now: make docs")


if __name__ == "__main__":
    main()
