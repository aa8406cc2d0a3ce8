"""Albums among earlier results, with files that are no photos, are others than they say, or begin programs."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from faulting import scene
from faulting.bench import Bench
from faulting.fault import Fault, Outcome
from faulting.judge import RIGHT, SILENT, Verdict, lines
from faulting.kinds import Choice, Kind

Make = Callable[[Path], object]  # puts something among the photos
POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 96 64\n%%EndComments\n0 0 moveto 9 9 lineto stroke\nshowpage\n"
)
FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "=HYPERLINK(x)", "\t=1", "\r=1")
STARTED = "ghostscript was started"


def _jpeg_of(name: str) -> Make:
    return lambda folder: Image.fromarray(scene.picture(1, 2)).save(folder / name, "JPEG", quality=95)


def _within(folder: Path) -> None:
    (folder / "in").mkdir()
    _jpeg_of("in/a.jpg")(folder)


def _link(target: str) -> Make:
    return lambda folder: (folder / "link.jpg").symlink_to(target)


def _bytes(name: str, data: bytes) -> Make:
    return lambda folder: (folder / name).write_bytes(data)


# What lies among the photos -> how it is made, how many photos more there are, whether a line must count it.
AMONG: dict[str, tuple[Make, int, bool]] = {
    "JPEG named .HEIC": (_jpeg_of("IMG_1.HEIC"), 1, False),
    "JPEG named .png": (_jpeg_of("x.png"), 1, False),
    "JPEG named .JPG": (_jpeg_of("X.JPG"), 1, False),
    "a text": (_bytes("notes.txt", b"x"), 0, True),
    "a video": (_bytes("film.mov", b"x" * 99), 0, True),
    "a raw photo": (_bytes("a.cr2", b"II*\0" * 99), 0, True),
    "a broken link": (_link("nowhere.jpg"), 0, True),
    "a link to itself": (_link("link.jpg"), 0, True),
    "an empty file": (_bytes("e.jpg", b""), 0, True),
    "a text named .jpg": (_bytes("t.jpg", b"hello"), 0, True),
    "a hidden file": (_bytes("._a.jpg", b"\0\5\26\7"), 0, False),
    "PostScript named .jpg": (_bytes("holiday.jpg", POSTSCRIPT), 0, True),
    "PDF named .jpg": (_bytes("holiday.jpg", b"%PDF-1.4\n"), 0, True),
    "a photo within": (_within, 1, False),
}  # fmt: skip


def attempt_among(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Something lies among the photos: photos are found by content, the rest is counted in a line."""
    make, more, counted = AMONG[choice["thing"]]
    make(bench.lay("photos"))
    outcome = _album(bench, "images=photos", "output_dir=o")

    def problem() -> str | None:
        rows = [row for row in _rows(bench.place / "o") if row["presence"] in ("present", "absent", "uncertain")]
        if len(rows) != 3 + more:
            return f"{len(rows)} photos of {3 + more}"
        told = [line for line in lines(outcome.out + outcome.err) if _tells(line)]
        return "no word about what was left out" if counted and not told else None

    return _no_program(bench, bench.judge(outcome, problem, may_refuse=False))


def _tells(line: str) -> bool:
    return any(word in line for word in ("left out", "skipped", "ignored", "cannot be read", "not read", "broken"))


def attempt_again(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """An album whose folder holds the results of an earlier run: they are no photos."""
    bench.lay("photos")
    first, second = choice["folders"]
    outcome = _album(bench, "images=photos", f"output_dir={first}", f"output={choice['output']}")
    verdict = bench.judge(outcome, may_refuse=False)
    if verdict.verdict != RIGHT:
        return verdict
    bench.users = {}
    outcome = _album(bench, "images=photos", f"output_dir={second}")

    def problem() -> str | None:
        count = len(_rows(bench.place / second))
        return None if count == 3 else f"{count} photos of 3"

    return bench.judge(outcome, problem, may_refuse=False)


def attempt_formula(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A photo's name that a spreadsheet would run: no cell of the table begins like that."""
    bench.lay("photos")
    bench.lay("pictures/png", f"photos/{choice['name']}.png")
    outcome = _album(bench, "images=photos", "output_dir=o")

    def problem() -> str | None:
        with (bench.place / "o" / "album.csv").open(newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        bad = [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r")) or cell[:2] == "-1"]
        return f"a cell is {bad[0]!r}" if bad else None

    return bench.judge(outcome, problem, may_refuse=False)


def attempt_postscript(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """PostScript under the name of a picture: Ghostscript is not started, whoever opens it."""
    for name in ("ref.png", "m0.png", "photos", "frames"):
        bench.lay(name)
    name, role = f"x.{choice['suffix']}", choice["role"]
    (bench.place / name).write_bytes(POSTSCRIPT)
    given = {"ref_image": "ref.png", "ref_mask": "m0.png"}
    if role == "frame":
        (bench.place / "frames" / "00003.png").unlink()
        (bench.place / name).rename(bench.place / "frames" / f"00003.{choice['suffix']}")
    elif role != "video mask":
        given[role] = name
    if role in ("frame", "video mask"):
        mask = name if role == "video mask" else "m0.png"
        outcome = bench.run("run", ["video=frames", f"ref_mask={mask}", "output_dir=o"], _watched(bench))
    else:
        words = [f"{key}={value}" for key, value in given.items()]
        command, rest = ("concept", ["out=rex.concept"]) if choice["concept"] else ("album", ["images=photos"])
        outcome = bench.run(command, [*words, *rest], _watched(bench))
    verdict = bench.judge(outcome, lambda: "it was taken", warning_excuses=role == "frame")
    return _no_program(bench, verdict)


def _watched(bench: Bench) -> Fault:
    """A Ghostscript that leaves a trace."""
    program = bench.place.parent / "programs" / "gs"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\necho > '{bench.place / STARTED}'\n")
    program.chmod(0o755)
    return Fault(environ={"PATH": str(program.parent)})


def _no_program(bench: Bench, verdict: Verdict) -> Verdict:
    return Verdict(SILENT, STARTED) if (bench.place / STARTED).exists() else verdict


def _album(bench: Bench, *words: str) -> Outcome:
    bench.lay("ref.png")
    bench.lay("m0.png")
    return bench.run("album", ["ref_image=ref.png", "ref_mask=m0.png", *words], _watched(bench))


def _rows(folder: Path) -> list[dict[str, str]]:
    path = folder / "album.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


FOLDERS = (("photos/try1", "photos/try2"), ("photos/a/b", "photos/c"), ("photos/try1", "o"))
KINDS = (
    Kind("among photos", 40, {"thing": tuple(AMONG)}, attempt_among),
    Kind(
        "results among photos",
        20,
        {"folders": FOLDERS, "output": ("[masks]", "[masks,overlay,cutout,white,blur,dreambooth]")},
        attempt_again,
    ),
    Kind("formulas", 10, {"name": FORMULAS}, attempt_formula),
    Kind(
        "PostScript",
        20,
        {
            "role": ("ref_image", "ref_mask", "frame", "video mask"),
            "suffix": ("jpg", "png", "webp", "tiff"),
            "concept": (False, True),
        },
        attempt_postscript,
    ),
)
