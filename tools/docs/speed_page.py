"""Writes docs/speed.md from docs/speed.csv: seconds of a frame beside the published code's, peak memory, the floor.

python tools/docs/speed_page.py docs
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

MODELS, OBJECTS, SIZES = ("nano", "vit_t", "vit_b"), (1, 3, 10), {"480p": "854x480", "1080p": "1920x1080"}
PUBLISHED, FLOOR, PRECISIONS = "published", "floor", ("float32", "bfloat16")
TOGETHER = ("commit", "machine")  # what rows have in common that were measured in turns
HEAD = """# Speed

Written by `make docs` from [speed.csv](speed.csv), which `make bench` measures: change neither by hand.

Seconds of a frame, end to end: JPEGs are read, encoded, tracked, and masks are written as PNGs. Each run is a process
of its own on a clip of textured balls; contenders take turns, and a figure is the median of the turns (in brackets:
least to most). The published code is Personalize-SAM's `persam_video.py`, run as it stands on the CPU; vos computes SAM
by OpenVINO, which `make` installs. Weights are random, and equal for all of SAM: this is about speed, not about masks.
Learning, once at the beginning, and the time before the first frame stand apart.

```
make bench bench.reference=Personalize-SAM
make bench bench.reference=Personalize-SAM bench.cases="vit_t-1 nano-3-1080p" bench.minutes=4
make docs
```
"""
FLOOR_TEXT = """
## The floor

What an image encoder would take if each of its matrix products and convolutions ran at the rate of a large matrix
product, or at the bandwidth of a copy, whichever is slower, and all else took no time. The work is counted as this
program does it in PyTorch, once for each frame; decoding comes on top. nano at 448x768, SAM at 1024x1024.
"""

Row = Mapping[str, str]


def main() -> None:
    """Writes the page into the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="docs, which holds the table")
    folder = parser.parse_args().folder
    (folder / "speed.md").write_text(page(folder / "speed.csv"), encoding="utf-8")


def page(path: Path) -> str:
    """Puts the page together from the table."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = {(row["case"], row["contender"]): row for row in csv.DictReader(file)}
    parts, missing = [HEAD], list[str]()
    for model in MODELS:
        lines = []
        for size, pixels in SIZES.items():
            for objects in OBJECTS:
                case = f"{model}-{objects}-{size}"
                contenders = [*([] if model == "nano" else [PUBLISHED]), *PRECISIONS]
                absent = [f"{case} {one}" for one in contenders if (case, one) not in rows]
                missing += [case] if len(absent) == len(contenders) else absent
                about = f"{objects} object{'s' * (objects > 1)}, {pixels}"
                lines += [
                    line(about, one, rows[case, one], rows.get((case, PUBLISHED)))
                    for one in contenders
                    if (case, one) in rows
                ]
        if lines:
            parts.append(f"\n## {model}\n\n{table(lines)}")
    parts.append(FLOOR_TEXT + floor_table(rows))
    parts.append(f"\n## Not measured\n\n{', '.join(missing) or 'Nothing: all cases are above.'}\n")
    return "".join(parts)


def line(about: str, contender: str, row: Row, published: Row | None) -> list[str]:
    """Writes one contender's cells."""
    ratio = ""
    if published and published is not row and all(published[name] == row[name] for name in TOGETHER):
        ratio = f"{float(published['frame']) / float(row['frame']):.1f}x"
    seconds = f"{float(row['frame']):.3f} ({float(row['least']):.3f} to {float(row['most']):.3f})"
    name = contender if contender == PUBLISHED else f"vos, {contender}"
    measured = f"{row['turns']} turn{'s' * (row['turns'] != '1')}, {row['commit']}, {row['day']}, {row['machine']}"
    learning = row["learn"] if float(row["learn"]) else ""
    return [about, name, seconds, ratio, learning, row["before"], f"{float(row['memory']):.0f}", measured]


def table(lines: Sequence[Sequence[str]]) -> str:
    """Writes lines as a Markdown table."""
    head = ["clip", "by", "s per frame", "ratio", "s of learning", "s before", "peak MiB", "measured"]
    cells = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def floor_table(rows: Mapping[tuple[str, str], Row]) -> str:
    """Writes the measured rates, and what they allow."""
    if ("bandwidth", FLOOR) not in rows:
        return "\nNot measured.\n"
    moved = rows["bandwidth", FLOOR]
    measured = f"{moved['commit']}, {moved['machine']}"
    lines = [f"\nBandwidth {float(moved['frame']) / 1e9:.1f} GB/s, read and written; {measured}.\n"]
    lines.append(f"| precision | GFLOP/s | {' | '.join(f'{model}, s' for model in MODELS)} |")
    lines.append(f"|{'---|' * (len(MODELS) + 2)}")
    for precision in PRECISIONS:
        rate = float(rows[f"rate {precision}", FLOOR]["frame"]) / 1e9
        floors = (f"{float(rows[f'{model} {precision}', FLOOR]['frame']):.3f}" for model in MODELS)
        lines.append(f"| {precision} | {rate:.0f} | {' | '.join(floors)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
