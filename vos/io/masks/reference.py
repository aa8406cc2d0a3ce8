"""Reference masks as users have them: palette, binary, grayscale, colour-coded or alpha images, soft edges and all.

Each file becomes an image of *codes* (one code per colour, 0 = background) with the soft edges resolved; then the
codes of all given files together become object ids, so that one colour is one object in every file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from vos.errors import VosError
from vos.io.images import open_image
from vos.io.masks.colours import pack, resolve_colours
from vos.io.masks.palette import davis_palette
from vos.structures import LabelMap, SizeHW

MAX_ID_VALUE = 32  # grayscale values up to here are ids; masks with soft edges reach far above
MAX_LEVELS = 8  # solid gray levels that count as one object each
OPAQUE = 127  # above: object


@dataclass(frozen=True)
class _Coded:
    """One file: ids that are exact (palette index), or packed colours 0xRRGGBB still to be numbered."""

    path: Path
    codes: npt.NDArray[np.int64]
    exact: bool


def read_reference(path: str | Path, size: SizeHW | None = None) -> LabelMap:
    """Reads the mask of a reference frame. Soft edges never become extra ids.

    - palette PNG: its indices are the ids, exactly;
    - two values (0/1, 0/255, any): the higher is object 1 (a value up to 32 is the id itself);
    - grayscale: small values are ids; up to 8 solid levels are one object each, ascending; else object where > 127;
    - RGB: each solid colour is one object, ids in ascending order of (R, G, B), DAVIS' colours get DAVIS' ids;
      black, or else the colour at the border, is background; blended edge pixels go to the nearest solid colour;
    - alpha: background where alpha <= 127; inside, solid colours are objects, anything else is one object.

    Args:
        path: the mask.
        size: (H, W) it must have, in original pixels; None = any.

    Raises:
        VosError: missing, damaged, wrong size, no object, more than 255 objects, or a photo instead of a mask.
    """
    return read_references([path], size)[0]


def read_references(paths: Sequence[str | Path], size: SizeHW | None = None) -> list[LabelMap]:
    """Reads the masks of several reference frames of one clip; a colour is the same object in all of them.

    See :func:`read_reference`. Each label map has the ids of the objects that occur in it.
    """
    coded = [_decode(Path(path), size) for path in paths]
    if len({c.exact for c in coded}) > 1:
        names = ", ".join(str(c.path) for c in coded)
        raise VosError(f"{names}: some masks store ids and some colours; save all of them in one way")
    ids = _number(c for c in coded if not c.exact)
    return [_label_map(c, ids) for c in coded]


def _number(coded: Iterable[_Coded]) -> dict[int, int]:
    """Object id of every colour that occurs."""
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


def _decode(path: Path, size: SizeHW | None) -> _Coded:
    with open_image(path) as image:
        if size is not None and (image.height, image.width) != tuple(size):
            raise VosError(
                f"mask {path} is {image.height}x{image.width}, but the reference frame is {size[0]}x{size[1]} "
                "(height x width); draw it at the frame's size"
            )
        try:
            image.load()
        except Exception as error:  # Pillow raises nearly anything on damaged bytes
            raise VosError(f"mask {path} is damaged and cannot be read") from error
        return _decode_pixels(path, image)


def _decode_pixels(path: Path, image: Image.Image) -> _Coded:
    if image.mode == "P" and _has_id_palette(image):
        return _Coded(path, np.array(image).astype(np.int64), exact=True)
    if image.mode == "1" or (image.mode.startswith(("L", "I", "F")) and not image.has_transparency_data):
        return _decode_gray(path, np.array(image))
    rgba = np.array(image.convert("RGBA"))
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    if alpha.min() == 255:
        if (rgb[..., :1] == rgb).all():
            return _decode_gray(path, rgb[..., 0])
        if image.format == "JPEG":
            raise VosError(f"mask {path} is a colour JPEG, whose colours are smeared; save it as PNG")
        codes = resolve_colours(rgb)
        if codes is None:
            raise VosError(f"mask {path} looks like a photo; a mask has one flat colour per object")
        return _Coded(path, codes, exact=False)
    inside = alpha > OPAQUE
    codes = resolve_colours(rgb, inside)
    if codes is None or len(np.unique(codes[inside])) < 2:
        return _Coded(path, inside.astype(np.int64), exact=True)
    return _Coded(path, codes, exact=False)


def _has_id_palette(image: Image.Image) -> bool:
    """Whether a palette image stores ids, rather than a picture that some program has packed into a palette."""
    colours = np.array(image.getpalette("RGB"), dtype=np.int64).reshape(-1, 3)
    used = np.array([index for _, index in image.getcolors(256) or []])
    used = used[used < len(colours)]
    black_is_an_object = colours[0].any() and not colours[used[used > 0]].any(axis=1).all()
    gray_ramp = (colours[used] == used[:, None]).all() and used.max(initial=0) > MAX_ID_VALUE
    return not (black_is_an_object or gray_ramp)


def _decode_gray(path: Path, values: npt.NDArray[np.generic]) -> _Coded:
    """Codes of a grayscale image (H, W): see :func:`read_reference`."""
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


def _to_8bit(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    if values.dtype.kind == "f":
        finite = np.nan_to_num(values)
        return (finite * (255 if finite.max(initial=0) <= 1 else 1)).clip(0, 255).astype(np.int64)
    whole = values.astype(np.int64)
    return whole * 255 // 65535 if whole.max(initial=0) > 255 else whole  # 16-bit files may hold 8-bit values
