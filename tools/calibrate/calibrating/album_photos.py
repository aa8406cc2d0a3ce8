"""Objects with the photos that show them and photos that do not, from sequences with truth and other photos."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from vos.evaluation.davis import DavisSequence, read_annotation
from vos.io.images import read_image

LATER, STRANGERS = 6, 12  # frames of an object's own sequence, and of others
PHOTOS = {"pets": 4, "photos": 4, "trained": 2}  # of further photos, per object
FEWER = 3  # of strangers by this, where an object has no later frames
LEAST = 16  # pixels of an object's mask, and
LEAST_SHARE = 0.02  # share of the reference's, below which a frame is not asked about
SHRUNK, WIDTHS = 0.001, (854, 1920)  # share of the picture, and the pictures' widths in pixels
HELD_OUT_EVERY = 10  # photo of the index, which no encoder was trained on
SAME_PHOTOS = "comp-dev"  # sequences that were made of the same few photos

Rgb = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class AlbumPhoto:
    """A photo that an object is looked for in.

    Attributes:
        kind: own (the reference), later, jitter (in another light), shrunk; gone, stranger.
        source: the set that it comes from.
        rgb: uint8 (H, W, 3).
        truth: bool (H, W), None where the object is not in it.
    """

    kind: str
    source: str
    rgb: Rgb
    truth: Mask | None = None


@dataclass(frozen=True)
class Wanted:
    """An object: the set and sequence that it is of, its id, and its reference."""

    group: str
    sequence: DavisSequence
    object_id: int
    rgb: Rgb
    mask: Mask

    @property
    def name(self) -> str:
        """What its results are kept under."""
        return f"{self.group}-{self.sequence.name}-{self.object_id}"


@dataclass(frozen=True)
class Strangers:
    """Pictures for albums: of sequences (set, sequence, file), and photos by the kind of ``PHOTOS``."""

    frames: Sequence[tuple[str, str, Path]]
    photos: dict[str, list[Path]]


def list_strangers(data: Path, sequences: Sequence[tuple[str, DavisSequence]]) -> Strangers:
    """Lists first, middle and last frames of all sequences, and the photos of ``free`` and ``segments``."""
    frames = [
        (group, each.name, images[k])
        for group, each in sequences
        for images in [each.images()]
        for k in sorted({0, len(images) // 2, len(images) - 1})
    ]
    held = data / "free" / "holdout_ids.txt"
    known = set(held.read_text(encoding="utf-8").split()) if held.is_file() else set()
    pets = [path for path in _photos(data / "free") if path.stem.startswith("pets") and path.stem not in known]
    segments = _photos(data / "segments")
    trained = [path for number, path in enumerate(segments) if number % HELD_OUT_EVERY]
    return Strangers(frames, {"pets": pets, "photos": segments[::HELD_OUT_EVERY], "trained": trained})


def _photos(folder: Path) -> list[Path]:
    index = folder / "index.csv"
    if not index.is_file():
        return []
    with index.open(newline="", encoding="utf-8") as file:
        return [folder / "images" / f"{row['id']}.webp" for row in csv.DictReader(file)]


def objects_of(group: str, sequence: DavisSequence) -> Iterator[Wanted]:
    """Lists the objects of a sequence's first frame that are not too small to be shown."""
    labels, rgb = read_annotation(sequence.annotations[0], sequence.year), read_image(sequence.images()[0])
    for object_id in np.unique(labels):
        mask = labels == object_id
        if object_id not in (0, 255) and mask.sum() >= LEAST:
            yield Wanted(group, sequence, int(object_id), rgb, mask)


def album_of(wanted: Wanted, strangers: Strangers) -> Iterator[AlbumPhoto]:
    """Makes the album of an object; the same object gets the same one."""
    random = np.random.default_rng(zlib.crc32(wanted.name.encode()))
    yield AlbumPhoto("own", wanted.group, wanted.rgb, wanted.mask)
    yield from _later(wanted, random)
    others = [
        (group, path)
        for group, name, path in strangers.frames
        if name != wanted.sequence.name and not (SAME_PHOTOS in name and SAME_PHOTOS in wanted.sequence.name)
    ]
    fewer = 1 if len(wanted.sequence.annotations) > 1 else FEWER
    for number in random.choice(len(others), min(STRANGERS // fewer, len(others)), replace=False):
        yield AlbumPhoto("stranger", others[number][0], read_image(others[number][1]))
    for source, count in PHOTOS.items():
        paths = strangers.photos[source]
        for number in random.choice(len(paths), min(-(-count // fewer), len(paths)), replace=False):
            yield AlbumPhoto("stranger", source, read_image(paths[number]))
    if behind := strangers.photos["photos"]:
        for width in WIDTHS:
            photo = read_image(behind[random.integers(len(behind))])
            yield AlbumPhoto("shrunk", str(width), *shrunk(wanted, photo, width, random))


def _later(wanted: Wanted, random: np.random.Generator) -> Iterator[AlbumPhoto]:
    """Frames after the reference, some of them in another light, too."""
    paths = {path.stem: path for path in wanted.sequence.images()}
    rest = wanted.sequence.annotations[1:]
    chosen = np.unique(np.linspace(0, len(rest) - 1, min(LATER, len(rest))).round().astype(int))
    for count, path in enumerate(rest[k] for k in chosen):
        truth = read_annotation(path, wanted.sequence.year) == wanted.object_id
        rgb = read_image(paths[path.stem])
        if not truth.any():
            yield AlbumPhoto("gone", wanted.group, rgb)
        elif truth.sum() >= max(LEAST, LEAST_SHARE * wanted.mask.sum()):
            yield AlbumPhoto("later", wanted.group, rgb, truth)
            if count % 3 == 0:
                yield AlbumPhoto("jitter", wanted.group, in_other_light(rgb, random), truth)


def in_other_light(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Changes brightness, contrast and colour of the light, as between two photos."""
    bent = (rgb.astype(np.float32) / 255) ** np.exp(random.normal(0, 0.15))
    gain = np.exp(random.normal(0, 0.08, 3) + random.normal(0, 0.12))
    return np.asarray((np.clip(bent * gain, 0, 1) * 255).astype(np.uint8))


def shrunk(wanted: Wanted, photo: Rgb, width: int, random: np.random.Generator) -> tuple[Rgb, Mask]:
    """Puts an object, ``SHRUNK`` of the picture in size, anywhere into a photo of ``width`` pixels; with its mask."""
    size = width * 9 // 16, width
    canvas = cv2.resize(photo, size[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    x, y, across, down = cv2.boundingRect(wanted.mask.astype(np.uint8))
    part, alpha = wanted.rgb[y : y + down, x : x + across], wanted.mask[y : y + down, x : x + across]
    scale = float(np.sqrt(SHRUNK * size[0] * size[1] / wanted.mask.sum()))
    small = max(2, min(width, round(across * scale))), max(2, min(size[0], round(down * scale)))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    share = cv2.resize(alpha.astype(np.float32), small, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = (int(random.integers(0, limit - side + 1)) for limit, side in zip(size[::-1], small))
    area = slice(top, top + small[1]), slice(left, left + small[0])
    pasted = cv2.resize(part, small, interpolation=kind).astype(np.float32)
    canvas[area] = pasted * share[..., None] + canvas[area] * (1 - share[..., None])
    truth = np.zeros(size, np.bool_)
    truth[area] = share > 0.5
    return np.asarray(canvas.clip(0, 255).astype(np.uint8)), truth
