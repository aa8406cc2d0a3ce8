"""Reference masks as users have them, for videos, photos and concepts: in any format, soft edges and all, any way up.

Each file becomes an image of *codes* (one code per colour, 0 = background) with the soft edges resolved; then the
codes of all given files together become object ids, so that one colour is one object in every file; then each mask is
turned so that it lies on its frame or photo.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.images import open_image
from vos.io.masks.colours import davis_palette, pack
from vos.io.masks.notation import VOID, Coded, Codes, decode_pixels
from vos.structures import LabelMap

LOG = logging.getLogger("vos")
MAX_TOLD = 12  # objects that are named in a line
MOST = 0.9  # share of the frame: more is hardly an object
SPECK = 4  # pixels: no more of them is hardly one, either
VOC_VOID = 0xE0E0C0  # the colour of PASCAL VOC's borders, which belong to nothing

ORIENTATION = 0x0112  # EXIF tag; its values say what makes the stored picture (H, W) upright
TURNS: dict[int, Callable[[Codes], Codes]] = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).transpose(),
    8: np.rot90,
}
SIDEWAYS = (5, 6, 7, 8)


def _known_colours() -> dict[int, int]:
    """Returns the packed colours of DAVIS and of PASCAL VOC, which writes 192 where DAVIS writes 191, and their ids."""
    davis = davis_palette()[:22]
    voc = np.where(davis == 191, 192, davis).astype(np.uint8)
    return {int(colour): i for colours in (davis, voc) for i, colour in enumerate(pack(colours)) if i}


KNOWN_COLOURS = _known_colours()


@dataclass(frozen=True)
class _Canvas:
    """What a mask lies on: its upright (H, W), the EXIF orientation of its file, and its names in messages."""

    size: SizeHW
    orientation: int
    name: str
    kind: str


@dataclass(frozen=True)
class ReferenceMasks:
    """What was understood of the masks that a user gave.

    Attributes:
        label_maps: one per file, upright, in original pixels; each has the ids of the objects that occur in it.
        names: of ids that the files call otherwise: another number, a gray level, a colour.
        original_ids: of ids that were renumbered, because the files' are above 255.
        void: what was taken as void, that is as background.
    """

    label_maps: tuple[LabelMap, ...]
    names: Mapping[int, str]
    original_ids: Mapping[int, int]
    void: str = ""

    def describe(self) -> str:
        """Says it in a line: the objects with their pixels, and what was left out."""
        pixels = np.sum([np.bincount(each.labels.ravel(), minlength=256) for each in self.label_maps], axis=0)
        ids = [int(i) for i in np.flatnonzero(pixels) if i]
        called = {i: f"{i} = {self.names[i]}" if i in self.names else str(i) for i in ids[:MAX_TOLD]}
        told = [f"{name} ({int(pixels[i]):,} px{self._doubt(int(pixels[i]))})" for i, name in called.items()]
        told += [f"{len(ids) - MAX_TOLD} more"] * (len(ids) > MAX_TOLD)
        masks = f" in {len(self.label_maps)} masks" * (len(self.label_maps) > 1)
        void = f"; {self.void} taken as void" * bool(self.void)
        return f"{len(ids)} object{'s' * (len(ids) > 1)}{masks}: {', '.join(told)}{void}"

    def _doubt(self, pixels: int) -> str:
        """Asks about an object that is nearly all or nearly nothing of the frames."""
        share = pixels / sum(each.labels.size for each in self.label_maps)
        if share > MOST:
            return f", {share:.0%} of the frame: is the mask inverted?"
        return ", is that all of it?" if pixels <= SPECK * len(self.label_maps) else ""


def read_reference(path: str | Path, size: SizeHW | None = None, *, photo: str | Path | None = None) -> LabelMap:
    """Reads the mask of one reference frame or photo; see :func:`read_references`."""
    return read_references([path], size, photos=None if photo is None else [photo]).label_maps[0]


def read_references(
    paths: Sequence[str | Path], size: SizeHW | None = None, *, photos: Sequence[str | Path] | None = None
) -> ReferenceMasks:
    """Reads masks that users drew, see :func:`vos.io.masks.notation.decode_pixels`.

    An id, a gray level or a colour is the same object in all of them. Colours get ids in ascending order of (R, G, B),
    those of DAVIS and PASCAL VOC the ids that they have there. Ids above 255 are numbered 1 to n.

    A mask must have the size of its frame or of its photo as :func:`vos.io.images.read_image` shows it. Cameras store
    photos sideways with a note how to turn them (EXIF orientation). Programs that draw masks either turn the photo
    first, or do not know of the note. So the mask is taken as the first of these that has the right size: turned by
    its own note, as it is stored, turned as its photo is. A photo turned by 180 degrees has one size both ways: a mask
    without a note is taken as upright.

    Args:
        paths: the masks.
        size: (H, W) of the frames that they belong to, in original pixels; None = any.
        photos: instead of ``size``, the photos that they belong to, as many.

    Raises:
        VosError: missing, damaged, wrong size, no object, more than 255 objects, a photo instead of a mask, or another
            number of photos than of masks.
    """
    if photos is not None and len(photos) != len(paths):
        raise VosError(f"{len(photos)} reference photos and {len(paths)} masks; give one mask per photo")
    canvases: list[_Canvas | None] = [None] * len(paths)
    if photos is not None:
        canvases = [_photo_canvas(Path(photo)) for photo in photos]
    elif size is not None:
        canvases = [_Canvas((size[0], size[1]), 1, "the reference frame", "frame")] * len(paths)
    coded = [_decode(Path(path), canvas) for path, canvas in zip(paths, canvases)]
    if len({c.exact for c in coded}) > 1:
        names = ", ".join(map(str, paths))
        raise VosError(f"{names}: some masks store ids and some colours; save all of them in one way")
    masks = _numbered([Path(path) for path in paths], coded)
    LOG.info("%s: %s", ", ".join(map(str, paths)), masks.describe())
    return masks


def _numbered(paths: Sequence[Path], coded: Sequence[Coded]) -> ReferenceMasks:
    """Gives every id or colour that occurs an object id from 1 to 255."""
    values = sorted({int(c) for each in coded for c in np.unique(each.codes) if c > 0})
    exact, void = all(each.exact for each in coded), ""
    if exact and any(each.has_void for each in coded):
        void, values = str(VOID), [value for value in values if value != VOID]
    known = KNOWN_COLOURS if not exact else {}
    if not exact and set(values) - set(known) == {VOC_VOID} and len(values) > 1:
        void, values = str(_rgb(VOC_VOID)), [value for value in values if value != VOC_VOID]
    if exact and values and values[-1] <= 255:
        ids = {value: value for value in values}
    elif all(value in known for value in values):
        ids = {value: known[value] for value in values}
    else:
        ids = {value: i for i, value in enumerate(values, start=1)}
    label_maps = tuple(_label_map(path, each.codes, ids) for path, each in zip(paths, coded))
    renumbered = {i: value for value, i in ids.items() if exact and i != value}
    names = {i: str(value) for i, value in renumbered.items()} if exact else {i: _name(v) for v, i in ids.items()}
    return ReferenceMasks(label_maps, names, renumbered, void)


def _name(colour: int) -> str:
    """Names a packed colour, or a gray level that is kept as one."""
    red, green, blue = _rgb(colour)
    return f"gray {red}" if red == green == blue else str((red, green, blue))


def _rgb(colour: int) -> tuple[int, int, int]:
    return colour >> 16, colour >> 8 & 255, colour & 255


def _label_map(path: Path, codes: Codes, ids: Mapping[int, int]) -> LabelMap:
    values, inverse = np.unique(codes, return_inverse=True)
    numbers = [ids.get(int(value), 0) for value in values]
    present = sorted({number for number in numbers if number})
    if not present:
        raise VosError(f"{path} holds no object: every pixel is background")
    if len(ids) > 255:
        raise VosError(f"{path} holds {max(len(ids), len(present))} objects; at most 255 can be followed")
    return LabelMap(np.asarray(numbers, dtype=np.uint8)[inverse.reshape(codes.shape)], tuple(present))


def _photo_canvas(photo: Path) -> _Canvas:
    with open_image(photo) as image:
        stored, orientation = (image.height, image.width), _orientation(image)
    upright = stored[::-1] if orientation in SIDEWAYS else stored
    return _Canvas(upright, orientation, f"its photo {photo}", "photo")


def _orientation(image: Image.Image) -> int:
    """Reads the EXIF orientation, a key of ``TURNS``; 1 where there is none or it is damaged."""
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow raises nearly anything on damaged EXIF; read_image then takes the photo as stored
        return 1
    return int(orientation) if orientation in TURNS else 1


def _decode(path: Path, canvas: _Canvas | None) -> Coded:
    """Decodes one file and turns it upright."""
    with open_image(path) as whole, open_image(path) as image:
        try:
            whole.verify()  # a PNG's checksums, which reading its pixels leaves aside
            image.load()
        except Exception as error:  # Pillow raises nearly anything on damaged bytes
            raise VosError(f"mask {path} is damaged and cannot be read") from error
        turn = TURNS[_fitting_turn(path, image, canvas)]  # before the colours: a wrong size is the likelier mistake
        coded = decode_pixels(path, image)
    return replace(coded, codes=turn(coded.codes))


def _fitting_turn(path: Path, image: Image.Image, canvas: _Canvas | None) -> int:
    """Chooses the EXIF orientation with which a mask lies on its frame or photo."""
    stored, own = (image.height, image.width), _orientation(image)
    if canvas is None:
        return own
    for orientation in (own, 1, canvas.orientation):
        if (stored[::-1] if orientation in SIDEWAYS else stored) == canvas.size:
            return orientation
    height, width = stored[::-1] if own in SIDEWAYS else stored
    raise VosError(
        f"mask {path} is {height}x{width}, but {canvas.name} is {canvas.size[0]}x{canvas.size[1]} "
        f"(height x width); draw it at the {canvas.kind}'s size"
    )
