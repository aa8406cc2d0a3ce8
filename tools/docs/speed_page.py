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
HEADS = ("clip", "by", "s per frame", "ratio", "s of learning", "s before", "peak MiB", "measured")
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

PHOTO = "persam_f-480p"
PHOTO_TEXT = """
## PerSAM-F on a photo

vit_t, one photo of 854x480: the weights of the three scales are tuned on it in 1000 steps, then the object is searched
in it. The published code is `persam_f.py`, run as it stands; vos is `python -m vos.album method=persam_f`, in both
precisions. Whole: from the command to the end of the process, what OpenVINO converts once being in the cache. Tuning:
decoding the reference and all steps, which the published code does a thousand times. vos takes the same steps on slopes
from power series that are summed over all pixels a few times: on equal logits the weights are within 1e-5 of the exact
loop's (`exact`), and masks are the same. Its logits are of 512 pixels along the longer side at most, the published ones
of the photo's size: with those its steps take 0.5 s here. What the smaller raster changes, on twelve references of the
embedded model: weights by up to 0.05, fused masks by up to 0.6 % of the object.

```
python benchmarks/persam_f.py --reference Personalize-SAM --write
```

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
    parts.append(PHOTO_TEXT + photo_table(rows))
    missing += [f"{PHOTO} {one}" for one in (PUBLISHED, *PRECISIONS) if (PHOTO, one) not in rows]
    parts.append(FLOOR_TEXT + floor_table(rows))
    parts.append(f"\n## Not measured\n\n{', '.join(missing) or 'Nothing: all cases are above.'}\n")
    return "".join(parts)


def line(about: str, contender: str, row: Row, published: Row | None) -> list[str]:
    """Writes one contender's cells."""
    learning = row["learn"] if float(row["learn"]) else ""
    times = ratio(row, published, "frame", 1)
    return [about, name(contender), spread(row, 3), times, learning, row["before"], *peak_and_source(row)]


def name(contender: str) -> str:
    """Names a contender in a table."""
    return contender if contender == PUBLISHED else f"vos, {contender}"


def spread(row: Row, digits: int) -> str:
    """Writes the seconds of the median turn, and of the least and most."""
    middle, least, most = (f"{float(row[column]):.{digits}f}" for column in ("frame", "least", "most"))
    return f"{middle} ({least} to {most})"


def ratio(row: Row, published: Row | None, column: str, digits: int = 0) -> str:
    """Divides the published code's seconds by a row's, "" where they were not measured in turns."""
    if published is None or published is row or any(published[name] != row[name] for name in TOGETHER):
        return ""
    return f"{float(published[column]) / float(row[column]):.{digits}f}x"


def peak_and_source(row: Row) -> list[str]:
    """Writes the peak memory of a row, and how it was measured."""
    turns = f"{row['turns']} turn{'s' * (row['turns'] != '1')}"
    return [f"{float(row['memory']):.0f}", f"{turns}, {row['commit']}, {row['day']}, {row['machine']}"]


def photo_table(rows: Mapping[tuple[str, str], Row]) -> str:
    """Writes what PerSAM-F takes on a photo."""
    lines, published = list[list[str]](), rows.get((PHOTO, PUBLISHED))
    for contender in (PUBLISHED, *PRECISIONS):
        if (row := rows.get((PHOTO, contender))) is not None:
            whole, tuning = (ratio(row, published, column) for column in ("frame", "learn"))
            lines.append([name(contender), spread(row, 2), whole, row["learn"], tuning, *peak_and_source(row)])
    head = ["by", "s whole", "ratio", "s of tuning", "ratio", "peak MiB", "measured"]
    return table(lines, head) if lines else "Not measured.\n"


def table(lines: Sequence[Sequence[str]], head: Sequence[str] = HEADS) -> str:
    """Writes lines as a Markdown table."""
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
