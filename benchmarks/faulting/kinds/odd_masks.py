"""Masks of every kind that people have: the objects found are those that were drawn, or one line says why not."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from faulting import scene
from faulting.bench import Bench, read_labels
from faulting.judge import Verdict
from faulting.kinds import Choice, Kind

Labels = npt.NDArray[np.uint8]
Draw = Callable[[Labels, int, random.Random], Image.Image]  # labels 1..n, n -> the mask
ORIENTATION = 0x0112  # EXIF
VOC = ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128))


def _mapped(values: list[int], dtype: type = np.uint8) -> Callable[[Labels], npt.NDArray[np.generic]]:
    return lambda labels: np.asarray([0, *values], dtype)[labels]


def _void(labels: Labels) -> Labels:
    """A rim of 255 around every object, one pixel wide, outside."""
    near = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            near |= np.roll(labels, step, axis) > 0
    return np.where(near & (labels == 0), 255, labels).astype(np.uint8)


def _colours(labels: Labels, colours: list[tuple[int, int, int]]) -> Image.Image:
    return Image.fromarray(np.asarray([(0, 0, 0), *colours], np.uint8)[labels])


def _palette(labels: Labels, colours: tuple[tuple[int, int, int], ...] = VOC) -> Image.Image:
    image = Image.fromarray(labels, "P")
    image.putpalette([value for colour in colours for value in colour])
    return image


def _with_alpha(labels: Labels, mode: str) -> Image.Image:
    alpha = np.where(labels > 0, 255, 0).astype(np.uint8)
    channels = 3 if mode == "RGBA" else 1
    picture = np.random.default_rng(1).integers(20, 250, (*labels.shape, channels), np.uint8)  # a photo, no flat colour
    return Image.fromarray(np.concatenate([picture, alpha[..., None]], axis=2), mode)


def _soft(labels: Labels) -> Image.Image:
    mask = Image.fromarray(np.where(labels > 0, 255, 0).astype(np.uint8))
    return mask.resize((scene.WIDTH * 2, scene.HEIGHT * 2), Image.Resampling.BICUBIC).resize(
        mask.size, Image.Resampling.BILINEAR
    )


def _transparent_palette(labels: Labels) -> Image.Image:
    image = _palette(labels)
    image.info["transparency"] = 0
    return image


def _sideways(labels: Labels) -> Image.Image:
    image = Image.fromarray(np.rot90(np.where(labels > 0, 255, 0).astype(np.uint8)).copy())
    image.getexif()[ORIENTATION] = 6  # to be turned by a quarter to the right
    image.info["exif"] = image.getexif().tobytes()
    return image


# Name -> how it is drawn, whether each id is kept as it is.
DRAWN: dict[str, tuple[Draw, bool]] = {
    "palette": (lambda a, n, r: _palette(a), True),
    "small gray ids": (lambda a, n, r: Image.fromarray(a), True),
    "small gray ids, some": (lambda a, n, r: Image.fromarray(_mapped(sorted(r.sample(range(1, 12), n)))(a)), False),
    "gray levels": (lambda a, n, r: Image.fromarray(_mapped(sorted(r.sample(range(40, 250, 10), n)))(a)), False),
    "levels next to each other": (lambda a, n, r: Image.fromarray(_mapped([200 + k for k in range(n)])(a)), False),
    "0 and 255": (lambda a, n, r: Image.fromarray(np.where(a > 0, 255, 0).astype(np.uint8)), False),
    "0 and 1": (lambda a, n, r: Image.fromarray(np.where(a > 0, 1, 0).astype(np.uint8)), False),
    "one bit": (lambda a, n, r: Image.fromarray(np.where(a > 0, 255, 0).astype(np.uint8)).convert("1"), False),
    "MOTS, 16 bits": (
        lambda a, n, r: Image.fromarray(_mapped([1000 * k + k for k in range(1, n + 1)], np.uint16)(a)),
        False,
    ),
    "Cityscapes, 16 bits": (
        lambda a, n, r: Image.fromarray(_mapped([26_000 + k for k in range(n)], np.uint16)(a)),
        False,
    ),
    "powers of 256": (lambda a, n, r: Image.fromarray(_mapped([256 * (k + 1) for k in range(n)], np.uint16)(a)), False),
    "near and far 16 bits": (
        lambda a, n, r: Image.fromarray(_mapped([256, 257, 512, 65_535][:n], np.uint16)(a)),
        False,
    ),
    "32 bits": (lambda a, n, r: Image.fromarray(_mapped([70_000 + k for k in range(n)], np.int32)(a)), False),
    "floats": (lambda a, n, r: Image.fromarray(a.astype(np.float32)), False),
    "void 255 beside ids": (lambda a, n, r: Image.fromarray(_void(a)), True),
    "void 255, palette": (lambda a, n, r: _palette(_void(a), VOC + ((224, 224, 192),) * 251), True),
    "flat colours": (
        lambda a, n, r: _colours(a, [(r.randrange(30, 256), r.randrange(256), r.randrange(256)) for _ in range(n)]),
        False,
    ),
    "near colours": (lambda a, n, r: _colours(a, [(200 + 5 * k, 30 + 3 * k, 30) for k in range(n)]), False),
    "colours one apart": (lambda a, n, r: _colours(a, [(200, 30, 30 + k) for k in range(n)]), False),
    "COCO panoptic": (lambda a, n, r: _colours(a, [(k, 0, 0) for k in range(1, n + 1)]), False),
    "COCO panoptic, large": (
        lambda a, n, r: _colours(a, [(r.randrange(256), r.randrange(256), k) for k in range(1, n + 1)]),
        False,
    ),
    "gray as RGB": (lambda a, n, r: Image.fromarray(a).convert("RGB"), False),
    "RGBA cut-out": (lambda a, n, r: _with_alpha(a, "RGBA"), False),
    "LA cut-out": (lambda a, n, r: _with_alpha(a, "LA"), False),
    "palette, transparent": (lambda a, n, r: _transparent_palette(a), True),
    "soft edges": (lambda a, n, r: _soft(a), False),
    "sideways by EXIF": (lambda a, n, r: _sideways(a), False),
}
ONE_OBJECT = ("0 and 255", "0 and 1", "one bit", "RGBA cut-out", "LA cut-out", "soft edges", "sideways by EXIF")
WRONG = ("empty", "full", "half size", "other shape", "twice the size", "16x16")
LOSSY = ("0 and 255", "soft edges", "sideways by EXIF")  # these can be read from a JPEG
KEEPS_EXIF = ("png", "jpg", "webp", "tiff")


def attempt_drawn(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A mask in some notation: each object that was drawn is one of those in the first frame."""
    count = 1 if choice["notation"] in ONE_OBJECT else choice["objects"]
    draw, keeps_ids = DRAWN[choice["notation"]]
    truth = scene.labels(count)
    mask = draw(truth, count, rng)
    path = _saved(mask, bench.place, choice["format"], choice["notation"])
    _one_frame(bench, count)
    outcome = bench.run("run", ("video=frames", f"ref_mask={path.name}", "output_dir=o", "output=[masks]"))
    approximate = path.suffix == ".jpg" or choice["notation"] == "soft edges"

    def problem() -> str | None:
        if not re.search(rf"ref_mask: {count} object", outcome.out + outcome.err):
            return "no word about what was understood"
        found = read_labels(bench.place / "o" / "masks" / "00000.png")
        ids = [int(i) for i in np.unique(found) if i]
        if len(ids) != count:
            return f"{len(ids)} objects of {count}: {ids}"
        if keeps_ids and not approximate and ids != list(range(1, count + 1)):
            return f"the ids 1 to {count} became {ids}"
        for number in range(1, count + 1):
            best = max(scene.overlap(found == i, truth == number) for i in ids)
            if best < (0.7 if approximate else 0.85):
                return f"object {number} overlaps what was drawn by {best:.2f} only"
        return None

    # The notations of this list mean one thing only; several objects in a lossy file may be refused.
    return bench.judge(outcome, problem, may_refuse=path.suffix == ".jpg" or choice["notation"] == "floats")


def attempt_wrong(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A mask that cannot be right, at every door: one line, or objects where they were drawn."""
    truth = Image.fromarray(scene.labels())
    size = {"half size": (48, 32), "twice the size": (192, 128), "other shape": (64, 96), "16x16": (16, 16)}
    if choice["mask"] == "empty":
        truth = Image.fromarray(np.zeros((scene.HEIGHT, scene.WIDTH), np.uint8))
    elif choice["mask"] == "full":
        truth = Image.fromarray(np.full((scene.HEIGHT, scene.WIDTH), 255, np.uint8))
    else:
        truth = truth.resize(size[choice["mask"]], Image.Resampling.NEAREST)
    truth.save(bench.place / "m.png")
    command = choice["command"]
    words = ["ref_mask=m.png", "ref_image=ref.png", "out=o/rex.concept"]
    if command == "run":
        bench.lay("clip.mp4")
        words = ["video=clip.mp4", "ref_mask=m.png", "output_dir=o", "output=[masks]"]
    else:
        bench.lay("ref.png")
    if command == "album":
        bench.lay("photos")
        words = [*words[:2], "images=photos", "output_dir=o"]
    outcome = bench.run(command, words)

    def problem() -> str | None:
        if choice["mask"] in ("empty", "other shape", "16x16"):
            return "it was taken"
        return bench.masks_problem(least=-1) if command == "run" else None

    return bench.judge(outcome, problem)


def _saved(mask: Image.Image, folder: Path, suffix: str, notation: str) -> Path:
    """Saves the mask in the format, or as PNG where the format cannot hold it without changing it."""
    if mask.mode in ("F", "I"):
        suffix = "tiff"  # the only one of these that holds such numbers
    lossless = {"png", "tiff"} | ({"bmp", "webp"} if mask.mode in ("RGB", "L") else set())
    if suffix == "webp" and mask.mode == "L":
        suffix = "png"
    if "palette" in notation or (notation == "sideways by EXIF" and suffix not in KEEPS_EXIF):
        suffix = "png"
    if suffix not in lossless and not (suffix == "jpg" and notation in LOSSY):
        suffix = "png"
    path = folder / f"mask.{suffix}"
    options = {"exif": mask.info["exif"]} if "exif" in mask.info else {}
    options |= {"lossless": True} if suffix == "webp" else {"quality": 90} if suffix == "jpg" else {}
    mask.save(path, **options)
    return path


def _one_frame(bench: Bench, count: int) -> None:
    folder = bench.place / "frames"
    folder.mkdir()
    Image.fromarray(scene.picture(count)).save(folder / "00000.png")


FORMATS = ("png", "png", "tiff", "bmp", "webp", "jpg")
KINDS = (
    Kind(
        "odd masks",
        260,
        {"notation": tuple(DRAWN), "objects": (1, 2, 3, 4), "format": FORMATS},
        attempt_drawn,
    ),
    Kind("wrong masks", 40, {"mask": WRONG, "command": ("run", "album", "concept")}, attempt_wrong),
)
