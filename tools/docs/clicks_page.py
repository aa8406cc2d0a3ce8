"""Writes docs/clicks.md and docs/clicks.png from docs/clicks.csv: how good the first mask is after so many clicks.

python tools/docs/clicks_page.py docs
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Name of a way to answer in the table -> what the page calls it. Before 0.4.0 the first was what the program did.
WAYS = {
    "at-once": "before: decoder, all clicks at once",
    "fed-back": "before: its last mask fed back",
    "shipped": "after: first mask",
}
FIGURES = {
    "1": "1 click",
    "2": "2",
    "3": "3",
    "5": "5",
    "8": "8",
    "20": "20",
    "above 0.8 at 1": "> .8 after 1",
    "above 0.8 at 3": "> .8 after 3",
    "clicks to 0.85": "clicks to .85",
    "clicks to 0.90": "clicks to .90",
    "box": "box",
    "ms": "ms",
}
ABOUT = {
    "segments": "regions of photos that were never trained on",
    "davis16": "first frames of DAVIS-2016's development sequences",
    "photo_dev": "first frames of DAVIS-2017's test-challenge",
}
HEAD = """# The first mask, from clicks and boxes

Written by `make docs` from [clicks.csv](clicks.csv), which `benchmarks/clicks.py` measures: change neither by hand.

A simulated user clicks the object's innermost point, then the innermost point of the largest part that is missing or
surplus, up to twenty times. Mean IoU after so many clicks; the share of objects above .8; the mean number of clicks
until .85 and .90 are reached, where those that never get there count as twenty; and the IoU from the tight box alone.
Milliseconds are the median of an answer with the frame encoded already.

```
python benchmarks/clicks.py DATA --write && make docs
```

![Mean IoU over the number of clicks](clicks.png)
"""


def main() -> None:
    """Writes page and picture into the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="docs, which holds the table")
    folder = parser.parse_args().folder
    (folder / "clicks.md").write_text(page(folder / "clicks.csv"), encoding="utf-8")
    draw(read(folder / "clicks.csv"), folder / "clicks.png")


def read(path: Path) -> dict[str, dict[str, dict[str, Mapping[str, str]]]]:
    """Reads the table: of each set and way to answer the rows by their figures."""
    sets: dict[str, dict[str, dict[str, Mapping[str, str]]]] = {name: {} for name in ABOUT}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sets[row["set"]].setdefault(row["answers"], {})[row["figure"]] = row
    return sets


def page(path: Path) -> str:
    """Puts the page together from the table."""
    parts = [HEAD]
    for name, ways in read(path).items():
        if not ways:
            continue
        cells = [["answers", *FIGURES.values(), "commit"], ["---"] * (len(FIGURES) + 2)]
        for way, rows in ((way, ways[way]) for way in WAYS if way in ways):
            cells.append([WAYS[way], *(cell(rows, figure) for figure in FIGURES), rows["1"]["commit"]])
        lines = "\n".join(f"| {' | '.join(line)} |" for line in cells)
        parts.append(f"\n## {name}: {next(iter(ways.values()))['1']['objects']} objects, {ABOUT[name]}\n\n{lines}\n")
    return "".join(parts)


def cell(rows: Mapping[str, Mapping[str, str]], figure: str) -> str:
    """Writes a figure; nothing where it was not measured."""
    if figure not in rows:
        return ""
    value = float(rows[figure]["value"])
    return f"{value:.0f}" if figure == "ms" else f"{value:.1f}" if figure.startswith("clicks") else f"{value:.3f}"


def draw(sets: Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]], picture: Path) -> None:
    """Draws the curves, the sets side by side."""
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    for axes, (name, ways) in zip(figure.subplots(1, len(sets), sharey=True), sets.items()):
        for way, rows in ((way, ways[way]) for way in WAYS if way in ways):
            numbers = sorted(int(number) for number in rows if number.isdigit())
            axes.plot(numbers, [float(rows[str(number)]["value"]) for number in numbers], label=WAYS[way])
        axes.set(title=name, xlabel="clicks", ylim=(0.5, 1), xticks=(1, 3, 5, 8, 12, 16, 20))
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", fontsize="small")
    with picture.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})


if __name__ == "__main__":
    main()
