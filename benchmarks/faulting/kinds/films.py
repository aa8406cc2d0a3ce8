"""Videos whose pictures are not what they seem: HDR, interlaced, transparent. What is shown is what they show."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
from PIL import Image

from faulting import film, scene
from faulting.bench import Bench
from faulting.fault import Outcome
from faulting.judge import RIGHT, Verdict
from faulting.kinds import Choice, Kind

OUTPUTS = ("[masks,overlay]", "[masks,overlay,matte]")


def attempt_hdr(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """HDR: white stays light and black dark in the overlay, and a line says what was done."""
    name, transfer = choice["film"], choice["transfer"]
    film.make_hdr(bench.place / name, transfer, film.HDR_FILMS[name])
    outcome = _follow(bench, name, choice["output"])

    def problem() -> str | None:
        if wrong := bench.masks_problem():
            return wrong
        frame = next(film.frames_of(bench.place / "o" / "overlay.mp4"))
        white, black = float(frame[film.WHITE_AT].mean()), float(frame[film.BLACK_AT].mean())
        if white - black < 130 or black > 60:
            return f"white became {white:.0f} and black {black:.0f}"
        return None if _said(outcome, "HDR|PQ|HLG|tone") else "no word about HDR"

    return bench.judge(outcome, problem, may_refuse=False)


def attempt_fields(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Interlaced: no combs in the overlay, and a line says that it was interlaced."""
    name = choice["film"]
    film.make_fields(bench.place / name, choice["order"], film.FIELD_FILMS[name])
    outcome = _follow(bench, name, choice["output"])

    def problem() -> str | None:
        if wrong := bench.masks_problem():
            return wrong
        shown = list(film.frames_of(bench.place / "o" / "overlay.mp4"))
        left = np.mean([combing(frame) for frame in shown[1:-1]])
        before = np.mean([combing(film.woven(k, choice["order"])) for k in range(1, scene.FRAMES - 1)])
        if left > before / 2:
            return f"{left / before:.0%} of the combs are left"
        return None if _said(outcome, "interlac") else "no word about interlacing"

    return bench.judge(outcome, problem, may_refuse=False)


def combing(frame: film.Picture) -> float:
    """How much rows within the object's height differ from both neighbours."""
    rows = frame.astype(float)[24:38]
    return float(np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean())


def attempt_alpha(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Transparency: a video shows what a folder of the same frames shows."""
    name, folder = choice["film"], bench.place / "same"
    film.make_alpha(bench.place / name, film.ALPHA_FILMS[name])
    folder.mkdir()
    for index in range(scene.FRAMES):
        Image.fromarray(film.transparent(index)).save(folder / f"{index:05d}.png")
    outcome = _follow(bench, name, choice["output"])
    other = bench.run("run", ("video=same", "ref_mask=m0.png", "output_dir=p", f"output={choice['output']}"))

    def problem() -> str | None:
        if wrong := bench.masks_problem() or bench.masks_problem("p/masks"):
            return wrong
        one, two = (next(film.frames_of(bench.place / o / "overlay.mp4")).astype(float) for o in ("o", "p"))
        apart = float(np.abs(one - two)[:, 64:].mean())
        return f"the hidden part differs from that of a folder by {apart:.0f} of 255" if apart > 12 else None

    verdict = bench.judge(other, may_refuse=False)
    return verdict if verdict.verdict != RIGHT else bench.judge(outcome, problem, may_refuse=False)


def _follow(bench: Bench, name: str, output: str) -> Outcome:
    bench.lay("m0.png")
    return bench.run("run", (f"video={name}", "ref_mask=m0.png", "output_dir=o", f"output={output}"))


def _said(outcome: Outcome, pattern: str) -> bool:
    """Whether the screen has a word, the names of files left aside."""
    text = re.sub(rf"{Path(film.__file__).stem}|hdr\.\w+|fields\.\w+", "", outcome.out + outcome.err)
    return re.search(pattern, text) is not None


KINDS = (
    Kind(
        "HDR videos",
        20,
        {"film": tuple(film.HDR_FILMS), "transfer": tuple(film.TRANSFERS), "output": OUTPUTS},
        attempt_hdr,
    ),
    Kind(
        "interlaced videos",
        20,
        {"film": tuple(film.FIELD_FILMS), "order": tuple(film.INTERLACED), "output": OUTPUTS},
        attempt_fields,
    ),
    Kind("transparent videos", 20, {"film": tuple(film.ALPHA_FILMS), "output": OUTPUTS}, attempt_alpha),
)
