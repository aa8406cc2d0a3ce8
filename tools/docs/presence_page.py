"""Writes docs/presence.md from vos/weights/presence.json: what the probability that an object is in a photo is worth.

python tools/docs/presence_page.py docs/presence.md
"""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from vos.photos.calibration import FILE, MAX_FALSE_ALARMS
from vos.photos.presence import DEFAULT_THRESHOLD

HEAD = f"""# Is it there?

Written by `make docs` from [presence.json](../vos/weights/presence.json), which `make calibrate` writes: change neither
by hand.

The score of an album, of `vos.segment` and of `python -m vos.find` is the probability that the object is in the photo,
for models that were calibrated (`model=nano`); the program says so where it is not, and gives the former score, whose
threshold is {DEFAULT_THRESHOLD}. A logistic model, whose weights are never negative, makes it of
[evidence](../vos/photos/calibration.py): the model's trust in the mask that it finds from appearance alone, how that
agrees with the mask, how alike both are to the references, and the same once more in the part of the photo around the
mask beside the concept's own picture. Where that is not sure, the photo is searched again, twice as fine and in windows
at its own resolution, for what is small.
`max_false_alarms={MAX_FALSE_ALARMS}` (the default) chooses the threshold; `threshold=` gives it.

```
make calibrate DATA=data                   # tools/calibrate/presence.py: albums, fit and the tables below
python benchmarks/photos.py DATA           # recall, false alarms and masks of each method, and time per photo
```

## On objects that were left out

Every object of a first frame is looked for in an album of its own: later frames; the same in another light (jitter);
itself, cut out and shrunk to 0.1 % of a picture of something else (shrunk); frames of its sequence without it (gone);
and strangers, from other sequences, pets of three breeds, and photos. The photos called "trained" taught the encoder;
they were not fitted to. Each sequence is judged by a model that was fitted to all others; what small objects count
against others in the fit, and the threshold, are of all of them. "Before" is the score without a calibration, at its
threshold. "In its place": seen, with a mask that overlaps the truth. `own` is the very photo of the reference.
"""
THRESHOLDS = """
## Thresholds

From the probability in the second column on, that share of the strangers is taken for the object.
"""
WEIGHTS = """
## Weights

Probability is 1 / (1 + exp(-(offset + the sum of weight times evidence))), the higher one of both columns.
"""


def table(head: list[str], rows: list[list[str]]) -> str:
    """Makes a table."""
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *rows])


def _place(one: dict[str, Any]) -> str:
    """What is in none of the photos has no place in them."""
    return "" if one["asked"].startswith(("gone", "stranger")) else f"{one['in its place']:.3f}"


def page() -> str:
    """Makes the page."""
    told: dict[str, Any] = json.loads(files("vos.weights").joinpath(FILE).read_text(encoding="utf-8"))
    text = HEAD
    for model in told["models"]:
        results = [
            [one["asked"], str(one["photos"]), f"{one['before']:.3f}", f"{one['after']:.3f}", _place(one)]
            for one in model["leave sequences out"]
        ]
        text += (
            f"\nmodel={model['name']} (SHA-256 {model['sha256'][:12]}), share of the photos in which it is seen:\n\n"
        )
        text += table(["asked", "photos", "before", "after", "in its place"], results)
        text += THRESHOLDS + "\n"
        text += table(["false alarms", "probability"], [[f"{a:g}", f"{b:.3f}"] for a, b in model["thresholds"]])
        kinds = model["whole"], model["fine"]
        names = dict.fromkeys(name for kind in kinds for name in kind["weights"])
        rows = [[n, *(f"{k['weights'][n]:.3f}" if n in k["weights"] else "" for k in kinds)] for n in names]
        offsets = ["offset", *(f"{kind['offset']:.3f}" for kind in kinds)]
        text += WEIGHTS + "\n" + table(["evidence", "whole photo", "finer search"], [*rows, offsets])
    return text


def main() -> None:
    """Writes the page to the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path, help="the file to write, docs/presence.md")
    parser.parse_args().page.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
