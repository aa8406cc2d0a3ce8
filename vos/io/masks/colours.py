"""Colours of masks: the palette that objects are shown in, and the flat colours that a picture is painted in."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

MIN_SOLID = 4  # pixels of a colour below which it is a speck, no object
MIN_SOLID_SHARE = 1e-4  # the same as a share of the picture, where it has so many colours that it must be noisy
FEW_COLOURS = 64  # with no more colours beside the solid ones, thin objects are told from the blends of soft edges
NEAR = 16  # colours closer than this (largest channel difference) may be one: noise, tails of blurred edges
SAME = 4  # in a noisy picture colours closer than this are always one ...
MINOR = 0.05  # ... and colours that are NEAR, where the smaller has at most this share of the larger one's area
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


def resolve_colours(rgb: Rgb, inside: npt.NDArray[np.bool_] | None = None, lossy: bool = False) -> Codes | None:
    """Gives every pixel one of the picture's flat colours.

    Colours with a solid area are kept apart exactly, however near they are. Only what has no solid area is guessed: a
    thin object keeps its colour, the blends of a soft edge go to the nearest flat colour.

    Args:
        rgb: uint8 (H, W, 3).
        inside: (H, W), False where a pixel is background whatever its colour; None = everywhere inside.
        lossy: the file was compressed with loss, so that near colours are one.

    Returns:
        Packed colours (H, W), 0 = background, which is black or, where black is not one of the flat colours and
        ``inside`` is None, the most frequent flat colour along the border; None if the picture is not made of flat
        colours.
    """
    region = np.ones(rgb.shape[:2], dtype=bool) if inside is None else inside
    codes = np.where(region, pack(rgb), -1)
    colours = _flat_colours(codes, lossy)
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


def _flat_colours(codes: Codes, lossy: bool) -> Codes:
    """Finds the colours that objects are painted in, largest first."""
    names, counts = np.unique(codes[codes >= 0], return_counts=True)
    solid_names, solid_counts = np.unique(codes[is_solid(codes) & (codes >= 0)], return_counts=True)
    others = ~np.isin(names, solid_names)
    if lossy or others.sum() > FEW_COLOURS:
        keep = solid_counts >= max(MIN_SOLID, MIN_SOLID_SHARE * codes.size)
        return _merge_near(solid_names[keep], solid_counts[keep], lossy)
    solid = solid_names[np.argsort(-solid_counts, kind="stable")]
    large = names[others & (counts >= MIN_SOLID)]
    between = _between_solid(codes, solid) if len(large) else np.zeros(0)
    thin = [c for c in large if between[codes == c].mean() < 0.5 or not _is_blend(c, solid)]
    return np.concatenate([solid, np.asarray(thin, dtype=np.int64)])


def is_solid(codes: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Marks the pixels whose whole 3x3 neighbourhood has their value, bool (H, W)."""
    solid = np.ones(codes.shape, dtype=bool)
    padded = np.pad(codes, 1, mode="edge")
    height, width = codes.shape
    for dy in range(3):
        for dx in range(3):
            solid &= padded[dy : dy + height, dx : dx + width] == codes
    return solid


def _between_solid(codes: Codes, solid: Codes) -> npt.NDArray[np.bool_]:
    """Marks the pixels near which solid colours differ and enclose the pixel's own in every channel, bool (H, W)."""
    is_flat, window = np.isin(codes, solid), np.ones((REACH, REACH), np.uint8)
    enclosed, differ = np.ones(codes.shape, dtype=bool), np.zeros(codes.shape, dtype=bool)
    for shift in (16, 8, 0):
        channel = (codes >> shift & 255).astype(np.int16)
        low = cv2.erode(np.where(is_flat, channel, 255).astype(np.int16), window)
        high = cv2.dilate(np.where(is_flat, channel, 0).astype(np.int16), window)
        enclosed &= (channel >= low - BLEND) & (channel <= high + BLEND)
        differ |= high - low >= NEAR
    return enclosed & differ


def _merge_near(names: Codes, counts: Codes, lossy: bool) -> Codes:
    """Sorts the solid colours of a noisy picture by area and drops those that are noise of a larger one."""
    order = np.argsort(-counts, kind="stable")
    kept = np.zeros(0, dtype=np.int64)
    areas = np.zeros(0, dtype=np.int64)
    for name, area in zip(names[order], counts[order]):
        if len(kept) > MAX_COLOURS:
            break
        distance = _distance(kept, name)
        noise = (distance < SAME) | ((distance < NEAR) & (lossy | (area <= MINOR * areas)))
        if not noise.any():
            kept, areas = np.append(kept, name), np.append(areas, area)
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
    """Replaces colours near a flat one by the nearest of these, the largest among equals."""
    names, inverse = np.unique(codes, return_inverse=True)
    snapped, nearest = names.copy(), np.where(names < 0, -1, NEAR)
    for colour in colours:
        distance = _distance(names, colour)
        closer = distance < nearest
        snapped[closer], nearest[closer] = colour, distance[closer]
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
