"""Writes docs/frames_to_check.md from vos/weights/frames_to_check.json: what the list of doubtful frames is worth.

python tools/docs/frames_page.py docs/frames_to_check.md
"""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from vos.report.checks import MOST
from vos.report.risk import MODEL, WRONG

HEAD = f"""# Frames to look at first

Written by `make docs` from [frames_to_check.json](../vos/weights/frames_to_check.json), which `make calibrate` writes:
change neither by hand.

A run judges its own results while they go by: nothing is decoded again, and masks stay as they are. Of each object in
each frame it takes what is conspicuous ([signs](../vos/report/signs.py): scores, area, shape, pieces, colours, loss,
cuts), compared with the frame before and with the latest mask that the user has given. A logistic model, whose weights
are never negative, makes *doubt* of them: the chance that the mask is wrong, that its IoU with the truth is below
{WRONG}. The list in `summary.json` (`frames_to_check`) is the fifth of all frames that looks worst, {MOST:,} at most,
each with the object, the doubt, and the one or two signs that speak most against the mask. `report.html`,
`frames_to_check.png` and the screen show moments that lie ten frames apart. Given frames are never listed.

```
make calibrate DATA=data
```

## What the list is worth

Of the worst tenth of all frames of a set, by the true IoU of their worst object, the share that lists of several
lengths name. Each sequence is judged by a model that was fitted to all others. Frames that are as bad as the last of
the worst count, too. "Within sequences" is the mean of lists of a fifth made for each sequence by itself: there, the
worst frames of a sequence that is followed well differ little from its others.
"""
SIGNS = """
## What speaks against a mask

Weights of the signs, and what they are on average. Doubt is 1 / (1 + exp(-(offset + the sum of weight times sign))).
What happens in a frame (a fall, a loss, a cut) has a weight of at least 0.3, so that it can be named.
"""


def table(rows: list[list[str]]) -> str:
    """Makes a table whose first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def page() -> str:
    """Makes the page."""
    told: dict[str, Any] = json.loads(files("vos.weights").joinpath(MODEL).read_text(encoding="utf-8"))
    results = told["leave one sequence out"]
    shares = list(results[0]["named"])
    head = ["set", "sequences", "frames", "mean IoU", "worst tenth: IoU up to", *(f"a list of {s}" for s in shares)]
    rows = [
        [
            each["set"],
            str(each["sequences"]),
            str(each["frames"]),
            f"{each['mean IoU']:.3f}",
            f"{each['worst below']:.3f}",
            *(f"{each['named'][share]:.0%}" for share in shares),
            f"{each['within sequences']:.0%}",
        ]
        for each in results
    ]
    signs = [[name, f"{each['weight']:.3f}", f"{each['usual']:.3f}"] for name, each in told["signs"].items()]
    model = told["model"]
    made = f"\nWith model={model['name']} (SHA-256 {model['sha256'][:12]}), vos {told['vos']}.\n"
    weights = table([["sign", "weight", "usual"], *signs, ["offset", f"{told['offset']:.3f}", ""]])
    return HEAD + "\n" + table([[*head, "within sequences"], *rows]) + made + SIGNS + "\n" + weights


def main() -> None:
    """Writes the page to the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path, help="the file to write, docs/frames_to_check.md")
    parser.parse_args().page.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
