"""How fast is PerSAM-F on a photo, beside the published code? Seconds of the whole command and of its tuning, in turns.

    python benchmarks/persam_f.py [--reference Personalize-SAM] [--turns 3] [--minutes 4] [--write]

One photo with its mask, 854x480, vit_t, 1000 steps: the weights are tuned on it, then the object is searched in it, as
the published script does. REFERENCE, random weights, turns and what is kept: as in speed.py. --write puts the medians
into docs/speed.csv; then ``make docs``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from figures import ROOT
from objects import render
from PIL import Image
from speed import Results, Row, parsed, publish, run, seeded_weights, take_turns
from timing.case import PUBLISHED, WAYS

CASE = "persam_f-480p"


def make_photo(folder: Path) -> Path:
    """Renders a photo and its mask in PerSeg's layout, once; returns the folder."""
    data = folder / CASE
    image, mask = data / "Images/ball/00.jpg", data / "Annotations/ball/00.png"
    if not mask.exists():
        for path in (image, mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        frame, labels = render(0, 1)
        Image.fromarray(frame).save(image, quality=95)
        Image.fromarray(labels * 255).save(mask)
    return data


def measure(reference: Path | None, out: Path, contender: str) -> Row:
    """Runs a contender once; returns seconds of the whole command and of tuning, and MiB of peak memory."""
    data, weights = make_photo(out), seeded_weights("vit_t", out)
    words = [sys.executable, str(ROOT / "benchmarks/timing/tuning.py")]
    with tempfile.TemporaryDirectory(dir=out) as folder:
        if contender == PUBLISHED:
            words += [str(reference), str(data), str(weights)]
        else:
            mask = f"ref_mask={data}/Annotations/ball/00.png"
            words += ["album", f"images={data}/Images/ball", f"ref_image={data}/Images/ball/00.jpg", mask]
            words += ["method=persam_f", "model=vit_t", f"checkpoint={weights}", f"output_dir={folder}/album"]
            words += ["output=[masks]", *WAYS[contender]]
        ended = run(words, out)
    taken = {"frame": ended.seconds, "before": 0.0, **json.loads(ended.said)}
    return {**taken, "memory": ended.memory, "others": ended.others}


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the options from the command line."""
    given = parsed(argparse.ArgumentParser(description=__doc__.splitlines()[0]), "persam_f.py", argv)
    results = Results(given.out / "persam_f.jsonl")
    contenders = [*([PUBLISHED] if given.reference else []), *WAYS]
    take_turns(results, CASE, contenders, given.turns, given.end, partial(measure, given.reference, given.out))
    if given.write:
        publish(results)


if __name__ == "__main__":
    main()
