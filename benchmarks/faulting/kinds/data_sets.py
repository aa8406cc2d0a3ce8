"""Data sets as people keep them: odd lists, hidden files, sparse annotations, names that lead outside."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from faulting import scene
from faulting.bench import Bench
from faulting.judge import ONE_LINE, SILENT, Verdict, lines
from faulting.kinds import Choice, Kind

Change = Callable[[Path], object]  # of a data set in place
FRAMES = 12  # of each sequence


def _annotations(root: Path, name: str = "duck") -> list[Path]:
    return sorted((root / "Annotations" / "480p" / name).glob("*.png"))


def _list(root: Path) -> Path:
    return root / "ImageSets" / "2017" / "val.txt"


def _thin(step: int) -> Change:
    def change(root: Path) -> None:
        for name in ("duck", "goose"):
            for path in _annotations(root, name):
                if int(path.stem) % step:
                    path.unlink()

    return change


def _second_object(root: Path) -> None:
    """From the fifth frame on there is a second object, which stands still."""
    for name in ("duck", "goose"):
        for path in _annotations(root, name):
            if int(path.stem) >= 4:
                labels = np.array(Image.open(path))
                labels[46:62, 60:90] = 2
                _save(path, labels)
                shown = root / "JPEGImages" / "480p" / name / f"{path.stem}.jpg"
                image = np.array(Image.open(shown))
                image[46:62, 60:90] = scene.COLOURS[1]
                Image.fromarray(image).save(shown, quality=95)


def _second_object_sparse(root: Path) -> None:
    _second_object(root)
    _thin(2)(root)


def _save(path: Path, labels: object) -> None:
    image = Image.fromarray(np.asarray(labels, np.uint8), "P")
    image.putpalette([0, 0, 0, 200, 30, 30, 30, 200, 30])
    image.save(path)


def _white(root: Path) -> None:
    for name in ("duck", "goose"):
        for path in _annotations(root, name):
            Image.fromarray((np.array(Image.open(path)) > 0).astype(np.uint8) * 255).save(path)


def _hidden(root: Path) -> None:
    for name in ("duck", "goose"):
        for path in _annotations(root, name):
            path.with_name(f"._{path.name}").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")
        for path in sorted((root / "JPEGImages" / "480p" / name).glob("*.jpg")):
            path.with_name(f"._{path.name}").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")


def _encode(encoding: str, text: str = "duck\ngoose\n") -> Change:
    return lambda root: _list(root).write_bytes(text.encode(encoding))


def _remove(kind: str, name: str) -> Change:
    return lambda root: (root / kind / "480p" / "duck" / name).unlink()


def _small(root: Path) -> None:
    _save(_annotations(root)[0], np.array(Image.open(_annotations(root)[0]))[::2, ::2])


# Name -> how it is made; whether it must work.
VARIANTS: dict[str, tuple[Change, bool]] = {
    "every second frame annotated": (_thin(2), True),
    "every third frame annotated": (_thin(3), True),
    "every fifth frame annotated": (_thin(5), True),
    "an object that enters later": (_second_object, True),
    "later object, sparse": (_second_object_sparse, True),
    "list with a byte order mark": (_encode("utf-8-sig"), True),
    "list in UTF-16": (_encode("utf-16"), True),
    "list of Windows": (_encode("utf-8", "duck\r\ngoose\r\n"), True),
    "list with blank lines": (_encode("utf-8", "\nduck\n\n  \ngoose\n\n"), True),
    "empty list": (_encode("utf-8", ""), False),
    "a name twice": (_encode("utf-8", "duck\nduck\ngoose\n"), False),
    "a name that leads outside": (_encode("utf-8", "../../../outside\n"), False),
    "hidden files of macOS": (_hidden, True),
    "masks of 0 and 255": (_white, False),
    "a frame is missing": (_remove("JPEGImages", "00003.jpg"), False),
    "the first annotation is missing": (_remove("Annotations", "00000.png"), False),
    "an annotation of half the size": (_small, False),
    "a folder is missing": (lambda root: shutil.rmtree(root / "Annotations" / "480p" / "goose"), False),
    "no list": (lambda root: _list(root).unlink(), False),
}
SPLITS = {"plain": "val", "outside": "../../../x", "absolute": "/nowhere/x", "blank": "''", "dot": "."}


def attempt(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A data set that is not quite as it is in the book."""
    root, (change, must_work) = bench.lay("davis"), VARIANTS[choice["variant"]]
    _lengthen(root)
    change(root)
    words = ["dataset.root=davis", f"split={SPLITS[choice['split']]}", "output_dir=o", "workers=1"]
    outcome = bench.run("evaluate", words)

    def problem() -> str | None:
        if choice["split"] != "plain":
            return "a split that is none was taken"
        score = _score(bench.place / "o" / "global_results-val.csv")
        if score is None:
            return "no score was written"
        if "enters later" in choice["variant"] or "later object" in choice["variant"]:
            return None if score > 0.3 else f"J&F {score:.2f}"
        if must_work and score < 0.6:
            return f"J&F {score:.2f}"
        if "annotated" in choice["variant"] and not any("annotat" in line for line in lines(outcome.out + outcome.err)):
            return "no word about the protocol"
        return None

    verdict = bench.judge(outcome, problem, may_refuse=choice["split"] != "plain" or not must_work)
    if choice["variant"] == "masks of 0 and 255" and verdict.verdict == ONE_LINE and choice["split"] == "plain":
        return verdict if "davis2016" in verdict.what else Verdict(SILENT, f"no hint: {verdict.what}")
    return verdict


def _lengthen(root: Path) -> None:
    """Makes the sequences long enough for sparse annotations."""
    for name in ("duck", "goose"):
        for index in range(FRAMES):
            image = scene.picture(1, index)
            image_path = root / "JPEGImages" / "480p" / name / f"{index:05d}.jpg"
            Image.fromarray(image).save(image_path, quality=95)
            _save(root / "Annotations" / "480p" / name / f"{index:05d}.png", scene.labels(1, index))


def _score(path: Path) -> float | None:
    if not path.exists():
        return None
    with path.open(newline="") as file:
        return float(next(csv.DictReader(file))["J&F-Mean"])


KINDS = (
    Kind(
        "data sets",
        60,
        {
            "variant": tuple(VARIANTS),
            "split": ("plain", "plain", "plain", "plain", "outside", "absolute", "blank", "dot"),
        },
        attempt,
    ),
)
