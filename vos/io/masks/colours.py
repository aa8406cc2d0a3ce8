"""Colours of masks: the palette that objects are shown in, and the flat colours that a picture is painted in."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

MIN_SOLID = 4  # pixels whose whole 3x3 neighbourhood has their colour, for a colour to count as painted
MIN_SOLID_SHARE = 1e-4  # the same as a share of the picture, where it has so many colours that it must be noisy
FEW_COLOURS = 64  # a picture with no more colours may hold thin objects without any solid pixel
NEAR = 16  # colours closer than this (largest channel difference) are one: JPEG noise, tails of blurred edges
BLEND = 12  # how far (largest channel difference) from the line between two colours a blend may lie
REACH = 7  # window, pixels, in which an edge pixel looks for the colours it is blended from
MIN_FLAT = 0.5  # share of pixels with a flat colour, below which the picture is a photo

MAX_COLOURS = 256  # 255 objects and background; with more, the caller reports too many objects
FAR = 1 << 20  # above any squared distance of two colours

Rgb = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int64]  # packed colours 0xRRGGBB


@lru_cache(maxsize=1)
def _davis_palette() -> Rgb:
    index = np.arange(256)[:, None]
    bits = [(index >> (3 * k + np.arange(3))) & 1 for k in range(3)]
    colours = bits[0] * 128 + bits[1] * 64 + bits[2] * 32
    colours[:22][colours[:22] == 192] = 191  # DAVIS rounds down where PASCAL VOC, its source, does not
    return np.asarray(colours, dtype=np.uint8)


def davis_palette() -> Rgb:
    """Returns the colours of DAVIS' annotations, uint8 (256, 3) RGB; ids beyond 21 continue PASCAL VOC's series."""
    return np.array(_davis_palette())


def pack(rgb: Rgb) -> Codes:
    """Packs colours (..., 3) to integers 0xRRGGBB (...)."""
    r, g, b = np.moveaxis(rgb.astype(np.int64), -1, 0)
    codes: Codes = (r << 16) | (g << 8) | b
    return codes


def unpack(codes: Codes) -> Codes:
    """Unpacks integers 0xRRGGBB (N,) to colours (N, 3); the inverse of :func:`pack`."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1)


def resolve_colours(rgb: Rgb, inside: npt.NDArray[np.bool_] | None = None) -> Codes | None:
    """Gives every pixel one of the picture's flat colours.

    Args:
        rgb: uint8 (H, W, 3).
        inside: (H, W), False where a pixel is background whatever its colour; None = everywhere inside.

    Returns:
        Packed colours (H, W), 0 = background, which is black or, where black is not one of the flat colours and
        ``inside`` is None, the most frequent flat colour along the border; None if the picture is not made of flat
        colours.
    """
    region = np.ones(rgb.shape[:2], dtype=bool) if inside is None else inside
    codes = np.where(region, pack(rgb), -1)
    colours = _flat_colours(codes)
    if len(colours) == 0 or np.isin(codes[region], colours).mean() < MIN_FLAT:
        return None
    resolved = _snap(codes, colours)
    if len(colours) <= MAX_COLOURS:
        _assign_blends(resolved, rgb, colours)
    background = 0
    if inside is None and 0 not in colours:
        border = np.concatenate([resolved[0], resolved[-1], resolved[:, 0], resolved[:, -1]])
        background = int(np.unique(border)[np.unique(border, return_counts=True)[1].argmax()])
    black_object = inside is not None and list(colours) == [0]  # a black shape on transparency: still one object
    resolved[resolved == background] = 1 if black_object else 0
    resolved[~region] = 0
    return resolved


def _flat_colours(codes: Codes) -> Codes:
    """Finds the colours that objects are painted in, largest first."""
    names, counts = np.unique(codes[codes >= 0], return_counts=True)
    solid_pixels = codes[_is_solid(codes) & (codes >= 0)]
    solid_names, solid_counts = np.unique(solid_pixels, return_counts=True)
    is_noisy = len(names) > FEW_COLOURS
    keep = solid_counts >= max(MIN_SOLID, MIN_SOLID_SHARE * codes.size if is_noisy else 0)
    kept = _merge_near(solid_names[keep], solid_counts[keep])
    if is_noisy:
        return kept
    enough = (counts >= MIN_SOLID) & ~np.isin(names, solid_names[keep])
    together = _merge_near(
        np.concatenate([kept, names[enough]]), np.concatenate([kept * 0 + codes.size, counts[enough]])
    )
    thin = [c for c in together[len(kept) :] if not _is_blend(c, together[together != c])]
    return np.concatenate([kept, np.asarray(thin, dtype=np.int64)])


def _is_solid(codes: Codes) -> npt.NDArray[np.bool_]:
    """Marks the pixels whose whole 3x3 neighbourhood has their colour, bool (H, W)."""
    solid = np.ones(codes.shape, dtype=bool)
    padded = np.pad(codes, 1, mode="edge")
    height, width = codes.shape
    for dy in range(3):
        for dx in range(3):
            solid &= padded[dy : dy + height, dx : dx + width] == codes
    return solid


def _merge_near(names: Codes, counts: Codes) -> Codes:
    """Sorts colours by frequency and drops those near a more frequent one."""
    kept = np.zeros(0, dtype=np.int64)
    for name in names[np.argsort(-counts, kind="stable")]:
        if len(kept) > MAX_COLOURS:
            break
        if not (_distance(kept, name) < NEAR).any():
            kept = np.append(kept, name)
    return kept


def _distance(codes: Codes, colour: int) -> Codes:
    """Measures the largest channel difference between packed colours (N,) and one."""
    distance: Codes = np.abs(unpack(codes) - unpack(np.asarray([colour]))).max(axis=1)
    return distance


def _is_blend(colour: int, others: Codes) -> bool:
    """Tells whether a colour lies between two others."""
    ends = unpack(others).astype(np.float64)
    point = unpack(np.asarray([colour]))[0].astype(np.float64)
    for i, a in enumerate(ends[:-1]):
        lines = ends[i + 1 :] - a
        share = ((lines @ (point - a)) / np.maximum((lines**2).sum(axis=1), 1)).clip(0, 1)
        if (np.abs(a + share[:, None] * lines - point).max(axis=1) <= BLEND).any():
            return True
    return False


def _snap(codes: Codes, colours: Codes) -> Codes:
    """Replaces colours near a flat one by it; the largest flat colour wins."""
    names, inverse = np.unique(codes, return_inverse=True)
    snapped = names.copy()
    for colour in colours[::-1]:
        snapped[(_distance(names, colour) < NEAR) & (names >= 0) & ~np.isin(names, colours)] = colour
    result: Codes = snapped[inverse.reshape(codes.shape)]
    return result


def _assign_blends(resolved: Codes, rgb: Rgb, colours: Codes) -> None:
    """Gives each pixel of another colour the nearest flat colour among those near it, in place."""
    ys, xs = np.nonzero(~np.isin(resolved, colours) & (resolved >= 0))
    if len(ys) == 0:
        return
    window = np.ones((REACH, REACH), np.uint8)
    pixels = rgb[ys, xs].astype(np.int64)
    best = np.full(len(ys), np.iinfo(np.int64).max)
    chosen = np.zeros(len(ys), dtype=np.int64)
    for colour in colours:
        far = cv2.dilate((resolved == colour).astype(np.uint8), window)[ys, xs] == 0
        # A colour that is not near the pixel is chosen only where none is.
        distance = ((pixels - unpack(np.asarray([colour]))) ** 2).sum(axis=1) + far * FAR
        closer = distance < best
        best[closer], chosen[closer] = distance[closer], colour
    resolved[ys, xs] = chosen
