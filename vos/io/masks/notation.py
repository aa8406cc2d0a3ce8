"""What the pixels of one mask file say: ids, gray levels, colours or transparency.

Solid levels and exact colours come first, whatever their values; what has no solid area is guessed, for soft edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from vos.errors import VosError
from vos.io.masks.colours import is_solid, resolve_colours

MAX_ID_VALUE = 32  # grayscale values up to here are ids, whatever their shapes; soft edges reach far above
MIN_SOLID_LEVELS = 0.9  # share of higher levels that have a solid area, above which a dense series of them are ids
FEW_LEVELS = 8  # more may be the steps of a soft edge: one covers most of the objects, or most lie between others
EDGE = 9  # window, pixels, in which they do
FEW_BLENDS = 16  # values above 255 are a picture's, no ids, where more of them lie in soft edges, or 65535 is white
RINGING = 1 / 16  # of the brightest level: as near to it or to black are the flat rims that resizing leaves
FEW_STEPS = 4  # more levels without solid area: soft edges, so that there may be such rims
VOID = 255  # beside small ids: pixels that belong to nothing in particular
WHITE = (1, 255, 65535)  # with black: a binary mask
OPAQUE = 127  # above: object
PHOTO_GRAY = (32, 223)  # between: neither background nor object; the gray of photos

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Coded:
    """One mask file.

    Attributes:
        codes: int64 (H, W), 0 = background.
        exact: the codes are ids, as the file has them; otherwise packed colours 0xRRGGBB that are still to be numbered.
        has_void: id 255 is void.
    """

    codes: Codes
    exact: bool
    has_void: bool = False


def decode_pixels(path: Path, image: Image.Image) -> Coded:
    """Decodes what a mask says.

    - palette: its indices are the ids, exactly; 255 beside lower ones is void;
    - two values (0/1, 0/255, any): the higher is object 1 (a value up to 32 or above 255 is the id itself);
    - grayscale: small values, dense series of values and values above 255 are ids, 255 beside small ones is void;
      other solid levels are one object each, ascending; a soft mask is cut at half;
    - RGB: each solid colour is one object; black, or else the colour at the border, is background; blended edge pixels
      go to the nearest solid colour;
    - alpha: background where alpha <= 127; inside, solid colours are objects, anything else is one object.

    Args:
        path: named in errors.
        image: loaded.

    Raises:
        VosError: a photo instead of a mask, or colours that a lossy format has smeared.
    """
    if image.mode == "P" and _has_id_palette(image):
        indices = np.array(image).astype(np.int64)
        lower = np.unique(indices[(indices > 0) & (indices < VOID)])
        return Coded(indices, True, bool(len(lower) > 0 and lower[-1] < VOID - 1 and (indices == VOID).any()))
    if image.mode == "1" or (image.mode.startswith(("L", "I", "F")) and not image.has_transparency_data):
        return _decode_gray(path, np.array(image), _is_lossy(path, image))
    try:
        rgba = np.array(image.convert("RGBA"))
    except ValueError as error:
        raise VosError(
            f"mask {path} has colours of the kind {image.mode}; save it as an RGB or grayscale PNG"
        ) from error
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    if alpha.min() < 255:
        return _decode_alpha(rgb, alpha > OPAQUE, _is_lossy(path, image))
    if (rgb[..., :1] == rgb).all():
        return _decode_gray(path, rgb[..., 0], _is_lossy(path, image))
    if image.format in ("JPEG", "MPO"):
        raise VosError(f"mask {path} is a colour JPEG, whose colours are smeared; save it as PNG")
    codes = resolve_colours(rgb, lossy=_is_lossy(path, image))
    if codes is None:
        raise _photo(path)
    return Coded(codes, exact=False)


def _decode_alpha(rgb: npt.NDArray[np.uint8], inside: npt.NDArray[np.bool_], lossy: bool) -> Coded:
    """Decodes the opaque part of an image (H, W, 3)."""
    codes = resolve_colours(rgb, inside, lossy)
    if codes is None or len(np.unique(codes[inside])) < 2:
        return Coded(inside.astype(np.int64), exact=True)
    return Coded(codes, exact=False)


def _has_id_palette(image: Image.Image) -> bool:
    """Tells whether a palette image stores ids, rather than a picture that some program has packed into a palette."""
    colours = np.array(image.getpalette("RGB"), dtype=np.int64).reshape(-1, 3)
    used = np.array([index for _, index in image.getcolors(256) or []])
    used = used[used < len(colours)]
    black_is_an_object = colours[0].any() and not colours[used[used > 0]].any(axis=1).all()
    gray_ramp = (colours[used] == used[:, None]).all() and used.max(initial=0) > MAX_ID_VALUE
    return not (black_is_an_object or gray_ramp)


def _decode_gray(path: Path, values: npt.NDArray[np.generic], lossy: bool) -> Coded:
    """Decodes a grayscale image (H, W) of any depth."""
    whole = _integers(values)
    levels = np.unique(whole)
    top = int(levels[-1])
    if len(levels) <= 2:
        is_id = top not in WHITE and (top > VOID or (top <= MAX_ID_VALUE and (levels[0] == 0 or len(levels) == 1)))
        return Coded((whole == top).astype(np.int64) * (top if is_id else min(top, 1)), exact=True)
    if top > VOID:
        if not _is_wide_picture(whole):
            return Coded(whole, exact=True)
        whole = whole * 255 // top
        levels = np.unique(whole)
    if not lossy:
        solid = np.unique(whole[is_solid(whole)])
        lower = levels[(levels > 0) & (levels < VOID)]
        if _are_ids(lower, solid):
            has_void = levels[-1] == VOID and bool(np.isin(lower, solid).any())
            if has_void or levels[-1] < VOID:
                return Coded(whole, True, has_void)
    return _decode_levels(path, whole, lossy)


def _are_ids(values: Codes, solid: Codes) -> bool:
    """Tells whether gray values are ids: small, or a dense series of which nearly all have a solid area."""
    if len(values) == 0 or values[-1] <= MAX_ID_VALUE:
        return len(values) > 0
    dense = 2 * len(values) >= values[-1]
    return bool(dense and np.isin(values, solid).mean() >= MIN_SOLID_LEVELS)


def _decode_levels(path: Path, gray: Codes, lossy: bool) -> Coded:
    """Decodes solid gray levels (0..255) as colours, or a soft mask as one object."""
    codes = resolve_colours(np.repeat(gray.astype(np.uint8)[..., None], 3, axis=2), lossy=lossy)
    if codes is None and (np.abs(gray - sum(PHOTO_GRAY) / 2) < np.ptp(PHOTO_GRAY) / 2).mean() > 0.5:
        raise _photo(path)
    if codes is not None:
        codes = _without_ringing(codes, gray)
        objects, areas = np.unique(codes[codes > 0], return_counts=True)
        if 1 < len(objects) <= FEW_LEVELS or (
            len(objects) > 1 and areas.max() < areas.sum() / 2 and not _is_soft(gray)
        ):
            return Coded(codes, exact=False)
        if len(objects) == 1:
            level = int(objects[0]) & 255
            is_lit = not (gray[codes == 0] > level).any()  # on a brighter background half says nothing
            return Coded((gray > level / 2 if is_lit else codes > 0).astype(np.int64), exact=True)
    return Coded((gray > OPAQUE).astype(np.int64), exact=True)


def _without_ringing(codes: Codes, gray: Codes) -> Codes:
    """Gives the flat rims that resizing leaves beside soft edges to the background or to the brightest object."""
    objects = np.unique(codes[codes > 0])
    levels, top = objects & 255, int(gray.max())
    steps = np.unique(gray[~np.isin(gray, [0, *levels])])
    if len(steps) <= FEW_STEPS or len(objects) > FEW_LEVELS:
        return codes
    dark, bright = objects[levels <= top * RINGING], objects[levels >= top * (1 - RINGING)]
    inner = np.where(np.isin(codes, dark), 0, codes)
    return np.where(np.isin(inner, bright), bright.max(initial=0), inner)


def _is_soft(gray: Codes) -> bool:
    """Tells whether most gray pixels of a picture with many levels lie between darker and brighter ones."""
    pixels, window = gray.astype(np.uint8), np.ones((EDGE, EDGE), np.uint8)
    between = (cv2.erode(pixels, window) < pixels) & (pixels < cv2.dilate(pixels, window))
    return bool(between[(gray > 0) & (gray < gray.max())].mean() > 0.5)


def _integers(values: npt.NDArray[np.generic]) -> Codes:
    """Rounds values to integers from 0 on; floats between 0 and 1 are scaled to 255."""
    if values.dtype.kind == "f":
        finite = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
        is_share = finite.max(initial=0) <= 1 and bool((finite % 1 != 0).any())
        values = (finite * (255 if is_share else 1)).round()
    whole: Codes = values.astype(np.int64).clip(0, None)
    return whole


def _is_wide_picture(whole: Codes) -> bool:
    """Tells whether values above 255 are brightness: most of them lie in soft edges, between levels that are solid."""
    solid = np.isin(whole, np.unique(whole[is_solid(whole)]))
    blends = len(np.unique(whole[~solid]))
    return blends > FEW_BLENDS or (blends > 0 and int(whole.max()) == WHITE[-1])


def _is_lossy(path: Path, image: Image.Image) -> bool:
    """Tells whether a file may hold other colours than were drawn."""
    if image.format == "WEBP":
        with path.open("rb") as file:
            return b"VP8L" not in file.read(1 << 16)
    return image.format in ("JPEG", "MPO", "AVIF", "HEIF") or image.info.get("compression") == "jpeg"


def _photo(path: Path) -> VosError:
    return VosError(f"mask {path} looks like a photo; a mask has one flat colour per object")
