"""Reference masks as users have them, for videos, photos and concepts: in any format, soft edges and all, any way up.

Each file becomes an image of *codes* (one code per colour, 0 = background) with the soft edges resolved; then the
codes of all given files together become object ids, so that one colour is one object in every file; then each mask is
turned so that it lies on its frame or photo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from vos.errors import VosError
from vos.geometry import SizeHW
from vos.io.images import open_image
from vos.io.masks.colours import davis_palette, pack, resolve_colours
from vos.structures import LabelMap

MAX_ID_VALUE = 32  # grayscale values up to here are ids; masks with soft edges reach far above
MAX_LEVELS = 8  # solid gray levels that count as one object each
OPAQUE = 127  # above: object

ORIENTATION = 0x0112  # EXIF tag; its values say what makes the stored picture (H, W) upright
Codes = npt.NDArray[np.int64]
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


@dataclass(frozen=True)
class _Coded:
    """One file, upright: ids that are exact (palette index), or packed colours 0xRRGGBB still to be numbered."""

    path: Path
    codes: Codes
    exact: bool


@dataclass(frozen=True)
class _Canvas:
    """What a mask lies on: its upright (H, W), the EXIF orientation of its file, and its names in messages."""

    size: SizeHW
    orientation: int
    name: str
    kind: str


def read_reference(path: str | Path, size: SizeHW | None = None, *, photo: str | Path | None = None) -> LabelMap:
    """Reads the mask of one reference frame or photo; see :func:`read_references`."""
    return read_references([path], size, photos=None if photo is None else [photo])[0]


def read_references(
    paths: Sequence[str | Path], size: SizeHW | None = None, *, photos: Sequence[str | Path] | None = None
) -> list[LabelMap]:
    """Reads masks that users drew; a colour is the same object in all of them. Soft edges never become extra ids.

    - palette PNG: its indices are the ids, exactly;
    - two values (0/1, 0/255, any): the higher is object 1 (a value up to 32 is the id itself);
    - grayscale: small values are ids; up to 8 solid levels are one object each, ascending; else object where > 127;
    - RGB: each solid colour is one object, ids in ascending order of (R, G, B), DAVIS' colours get DAVIS' ids;
      black, or else the colour at the border, is background; blended edge pixels go to the nearest solid colour;
    - alpha: background where alpha <= 127; inside, solid colours are objects, anything else is one object.

    A mask must have the size of its frame or of its photo as :func:`vos.io.images.read_image` shows it. Cameras store
    photos sideways with a note how to turn them (EXIF orientation). Programs that draw masks either turn the photo
    first, or do not know of the note. So the mask is taken as the first of these that has the right size: turned by
    its own note, as it is stored, turned as its photo is. A photo turned by 180 degrees has one size both ways: a mask
    without a note is taken as upright.

    Args:
        paths: the masks.
        size: (H, W) of the frames that they belong to, in original pixels; None = any.
        photos: instead of ``size``, the photos that they belong to, as many.

    Returns:
        As many label maps, upright, in original pixels; each has the ids of the objects that occur in it.

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
        names = ", ".join(str(c.path) for c in coded)
        raise VosError(f"{names}: some masks store ids and some colours; save all of them in one way")
    ids = _number(c for c in coded if not c.exact)
    return [_label_map(c, ids) for c in coded]


def _number(coded: Iterable[_Coded]) -> dict[int, int]:
    """Gives every colour that occurs an object id."""
    colours = sorted({int(c) for item in coded for c in np.unique(item.codes) if c > 0})
    davis = {int(c): i for i, c in enumerate(pack(davis_palette()[:22])) if i}
    if all(c in davis for c in colours):
        return {c: davis[c] for c in colours}
    return {c: i for i, c in enumerate(colours, start=1)}


def _label_map(coded: _Coded, ids: dict[int, int]) -> LabelMap:
    values, inverse = np.unique(coded.codes, return_inverse=True)
    numbers = [int(v) if coded.exact or v == 0 else ids[int(v)] for v in values]
    present = sorted({n for n in numbers if n})
    if not present:
        raise VosError(f"{coded.path} holds no object: every pixel is background")
    if len(ids) > 255 or present[-1] > 255:
        raise VosError(f"{coded.path} holds {max(len(ids), len(present))} objects; at most 255 can be followed")
    labels = np.asarray(numbers, dtype=np.uint8)[inverse.reshape(coded.codes.shape)]
    return LabelMap(labels, tuple(present))


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


def _decode(path: Path, canvas: _Canvas | None) -> _Coded:
    """Decodes one file and turns it upright; see :func:`read_references`."""
    with open_image(path) as image:
        try:
            image.load()
        except Exception as error:  # Pillow raises nearly anything on damaged bytes
            raise VosError(f"mask {path} is damaged and cannot be read") from error
        turn = TURNS[_fitting_turn(path, image, canvas)]  # before the colours: a wrong size is the likelier mistake
        coded = _decode_pixels(path, image)
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


def _decode_pixels(path: Path, image: Image.Image) -> _Coded:
    if image.mode == "P" and _has_id_palette(image):
        return _Coded(path, np.array(image).astype(np.int64), exact=True)
    if image.mode == "1" or (image.mode.startswith(("L", "I", "F")) and not image.has_transparency_data):
        return _decode_gray(path, np.array(image))
    rgba = np.array(image.convert("RGBA"))
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    if alpha.min() < 255:
        return _decode_alpha(path, rgb, alpha > OPAQUE)
    if (rgb[..., :1] == rgb).all():
        return _decode_gray(path, rgb[..., 0])
    if image.format == "JPEG":
        raise VosError(f"mask {path} is a colour JPEG, whose colours are smeared; save it as PNG")
    codes = resolve_colours(rgb)
    if codes is None:
        raise VosError(f"mask {path} looks like a photo; a mask has one flat colour per object")
    return _Coded(path, codes, exact=False)


def _decode_alpha(path: Path, rgb: npt.NDArray[np.uint8], inside: npt.NDArray[np.bool_]) -> _Coded:
    """Codes the opaque part of an image (H, W, 3): see :func:`read_references`."""
    codes = resolve_colours(rgb, inside)
    if codes is None or len(np.unique(codes[inside])) < 2:
        return _Coded(path, inside.astype(np.int64), exact=True)
    return _Coded(path, codes, exact=False)


def _has_id_palette(image: Image.Image) -> bool:
    """Tells whether a palette image stores ids, rather than a picture that some program has packed into a palette."""
    colours = np.array(image.getpalette("RGB"), dtype=np.int64).reshape(-1, 3)
    used = np.array([index for _, index in image.getcolors(256) or []])
    used = used[used < len(colours)]
    black_is_an_object = colours[0].any() and not colours[used[used > 0]].any(axis=1).all()
    gray_ramp = (colours[used] == used[:, None]).all() and used.max(initial=0) > MAX_ID_VALUE
    return not (black_is_an_object or gray_ramp)


def _decode_gray(path: Path, values: npt.NDArray[np.generic]) -> _Coded:
    """Codes a grayscale image (H, W): see :func:`read_references`."""
    whole = _to_8bit(values)
    levels = np.unique(whole)
    if levels[-1] <= MAX_ID_VALUE and (levels[0] == 0 or len(levels) == 1):
        return _Coded(path, whole, exact=True)
    if len(levels) == 2:
        return _Coded(path, (whole == levels[1]).astype(np.int64), exact=True)
    if len(levels) <= MAX_LEVELS and levels[0] == 0:
        codes = resolve_colours(np.repeat(whole.astype(np.uint8)[..., None], 3, axis=2))
        if codes is not None and len(np.unique(codes)) == len(levels):
            return _Coded(path, codes, exact=False)
    return _Coded(path, (whole > OPAQUE).astype(np.int64), exact=True)


def _to_8bit(values: npt.NDArray[np.generic]) -> Codes:
    if values.dtype.kind == "f":
        finite = np.nan_to_num(values)
        scaled: Codes = (finite * (255 if finite.max(initial=0) <= 1 else 1)).clip(0, 255).astype(np.int64)
        return scaled
    whole = values.astype(np.int64)
    return whole * 255 // 65535 if whole.max(initial=0) > 255 else whole  # 16-bit files may hold 8-bit values
