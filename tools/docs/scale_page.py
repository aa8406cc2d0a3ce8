"""Writes docs/scale.md from docs/scale.csv: what one million hours of video take, and what breaks first.

python tools/docs/scale_page.py docs
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path

HOURS, FPS = 1_000_000, 25  # of video, its frames a second
BIT_RATE = 2e6  # of footage at 854x480; rendered clips say nothing about it
CORES = 10_000  # of the example
WRITES = 3_500  # a second and prefix, as S3 documents them
CALM = 1.3  # times, between tenths of a batch on a machine that nobody else uses
WHY = """: other programs used the machine, and its clips took
up to {swing:.1f} times as long in one tenth as in another"""
ROWS = 100_000  # of one list

PAGE = """# One million hours of video

Written by `make docs` from [scale.csv](scale.csv), which `benchmarks/scale.py` measures: change neither by hand.

```
python benchmarks/scale.py --write && make docs
```

Measured at commit {commit} on {machine}: two processes with one core each, the embedded model and default options,
clips of 30 and 120 frames at 854x480 with one object. Learning the reference is in the seconds of each clip.

| cost | measured |
| --- | ---: |
| start of a process | {start:.1f} s |
| each clip, whatever its length | {clip:.1f} s |
| each frame | {frame:.4f} s, {rate:.1f} frames per second and core |
| memory of a process | {memory:,.0f} MiB |
| written per frame, `output=masks` | {files:.0f} file, {mask_bytes:,.0f} bytes |
| written per frame, `output=rle` | {rle_bytes:,.0f} bytes, one file per clip |
| written per clip besides: report, summary | {other_bytes:,.0f} bytes |
| a row of the list | {row_ms:.2f} ms |

## What it takes

A million hours at {fps} frames per second are {total_frames:.0e} frames. In clips of {minutes} (`end=` and `start=`
cut longer ones):

{table}

Bytes read are those of footage at {bit_rate:.0f} Mbit/s: {read:.2f} PB, which {cores:,} cores read at {network:.1f}
Gbit/s together. They write {mask_rate:,.0f} masks a second.

## How sure that is

`benchmarks/simulation.py` plays a batch as events: who takes which clip when, who is slow, who is lost. From the
costs of forty other clips it foretold the time of {clips:.0f} clips of 4 to 24 frames ({frames:,.0f} frames) on two
processes: **{foretold:.1f} s; measured were {measured:.1f} s**, {error:+.1%}{why}.
From that batch's own costs it is {own:.1f} s, {own_error:+.1%}.

A thousandth of the work, 60,000 clips of one minute in the mean (lognormal: a few have ten), on 100 cores, of which 5
% are half as slow again and each is lost once in 100 hours:

| way | time, of what is ideal |
| --- | ---: |
| whoever is idle takes the next clip (`executor=ray`, or many more shards than machines) | {list_time:.3f} |
| one shard for each machine | {shards_time:.3f} |

Work that is done again is {lost:.3%} of all: a state is saved every ten seconds, and a clip goes on from there if the
disk is shared. With results in a store only the clip begins anew.

## What breaks first

1. **Files.** A mask per frame is {total_files:.0e} files. {cores:,} cores write {mask_rate:,.0f} of them a second,
   where a store such as S3 takes {writes:,} a second and prefix. `output=rle` is one file per clip, and {saved:.0f}
   times fewer bytes.
2. **One list.** Every machine reads all of it: {list_rows:.0e} rows would take {list_hours:.1f} hours before the
   first clip. Cut it into lists of {rows:,} ({list_seconds:.0f} s), one job each.
3. **Shards as large as machines.** The slowest decides: {shards_time:.2f} times the ideal above. Ten to fifty shards
   for each machine, or Ray, take that down to {list_time:.2f}.
4. **Learning on short clips.** Of a clip of ten seconds it is {short_share:.0%} of the work;
   `tracker.adapt.enabled=false` leaves it out.
5. **Disks of workers.** Copies of inputs are bounded (`VOS_CACHE_GB`), results in progress are not: a clip's own.

Not what breaks: memory ({memory:,.0f} MiB for each core), the network, lost machines.
"""


def main() -> None:
    """Writes the page into the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="docs, which holds the table")
    folder = parser.parse_args().folder
    (folder / "scale.md").write_text(page(folder / "scale.csv"), encoding="utf-8")


def page(path: Path) -> str:
    """Puts the page together from the table."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {row["figure"]: float(row["value"]) for row in rows}
    frames, seconds = HOURS * 3600 * FPS, {length: core_hours(found, length) for length in (10, 60, 600)}
    days = seconds[60] / CORES / 24
    values: dict[str, object] = {
        **{name.replace(" ", "_"): value for name, value in found.items()},
        "commit": rows[0]["commit"],
        "machine": rows[0]["machine"],
        "rate": 1 / found["frame"],
        "row_ms": 1000 * found["row"],
        "fps": FPS,
        "total_frames": frames,
        "minutes": "ten seconds, one minute or ten minutes",
        "table": table(found, seconds),
        "bit_rate": BIT_RATE / 1e6,
        "read": HOURS * 3600 * BIT_RATE / 8 / 1e15,
        "cores": CORES,
        "network": HOURS * 3600 * BIT_RATE / (days * 86400) / 1e9,
        "mask_rate": frames / (days * 86400),
        "foretold": found["foretold seconds"],
        "measured": found["measured seconds"],
        "own": found["seconds by its own costs"],
        "own_error": found["seconds by its own costs"] / found["measured seconds"] - 1,
        "why": WHY.format(swing=found["swing"]) if found["swing"] > CALM else "",
        "error": found["foretold seconds"] / found["measured seconds"] - 1,
        "total_files": found["files"] * frames,
        "writes": WRITES,
        "saved": found["mask bytes"] / found["rle bytes"],
        "list_rows": HOURS * 60,
        "list_hours": HOURS * 60 * found["row"] / 3600,
        "rows": ROWS,
        "list_seconds": ROWS * found["row"],
        "short_share": found["clip"] / (found["clip"] + 10 * FPS * found["frame"]),
    }
    return PAGE.format(**values)


def core_hours(found: Mapping[str, float], length: int) -> float:
    """Core-hours of all, in clips of so many seconds."""
    return HOURS * 3600 / length * (found["clip"] + length * FPS * found["frame"]) / 3600


def table(found: Mapping[str, float], hours: Mapping[int, float]) -> str:
    """A row for each length of the clips."""
    lines = [
        "| clips of | clips | core-hours | days of 10,000 cores | `output=masks` | `output=rle` |",
        "| ---: " * 6 + "|",
    ]
    for length, each in hours.items():
        clips = HOURS * 3600 / length
        stored = [
            (HOURS * 3600 * FPS * found[f"{name} bytes"] + clips * found["other bytes"]) / 1e12
            for name in ("mask", "rle")
        ]
        lines.append(
            f"| {length} s | {clips:.0e} | {each / 1e6:.2f} million | {each / CORES / 24:.1f} | "
            f"{stored[0]:,.0f} TB | {stored[1]:,.0f} TB |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
