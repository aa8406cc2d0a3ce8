"""Pictures for people: overlay, cut-out, new background. Pure functions on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from vos.io.masks.colours import davis_palette
from vos.matting.foreground import decontaminated
from vos.structures import LabelMap, SegmentedFrame

Rgb = npt.NDArray[np.uint8]  # (H, W, 3)
Alpha = npt.NDArray[np.uint8]  # (H, W), 255 = object

LINE_PER_SIDE = 1 / 360  # contour width as a share of the shorter side: 2 pixels at 720p
TINT_GAMMA = 0.5  # DAVIS' colours are dark; overlays lighten them without washing them out
LINE_TO_WHITE = 0.5
BLUR_PER_SIDE = 60  # the blur's sigma goes so often into the longer side
BLUR_SIGMA = 4  # pixels, at the scale at which it is computed
FAR_SHARE = 0.01
PREVIEW_SIDE = 640


def overlay(rgb: Rgb, label_map: LabelMap, alpha: float = 0.5) -> Rgb:
    """Tints each object in its DAVIS colour and draws a light contour on a dark rim, readable on any background.

    Args:
        rgb: the frame.
        label_map: of the same size.
        alpha: strength of the tint, 0..1.
    """
    labels = label_map.labels
    if not labels.any():
        return np.array(rgb, order="C")
    x0, y0, width, height = cv2.boundingRect((labels > 0).astype(np.uint8))
    thickness = max(1, round(min(labels.shape) * LINE_PER_SIDE))
    margin = 2 * thickness + 1
    area = (slice(max(0, y0 - margin), y0 + height + margin), slice(max(0, x0 - margin), x0 + width + margin))
    result = np.array(rgb, order="C")
    result[area] = _tinted(rgb[area], labels[area], alpha, thickness)
    return result


def _tinted(rgb: Rgb, labels: npt.NDArray[np.uint8], alpha: float, thickness: int) -> Rgb:
    labels = np.ascontiguousarray(labels)
    inside = (labels > 0).view(np.uint8)
    painted = cv2.LUT(cv2.merge([labels] * 3), np.ascontiguousarray(_lightened())[None])  # in the colours of their ids
    blended = cv2.addWeighted(np.ascontiguousarray(rgb), 1 - alpha, painted, alpha, 0)
    result = np.asarray(cv2.copyTo(blended, inside, rgb.copy()), dtype=np.uint8)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * thickness + 1, 2 * thickness + 1))
    inner = labels != cv2.erode(labels, disk, borderType=cv2.BORDER_REPLICATE)
    outer = labels != cv2.dilate(labels, disk, borderType=cv2.BORDER_REPLICATE)
    rim = outer & (labels == 0)
    result[rim] = (result[rim] * 0.35).astype(np.uint8)
    line = (inner | outer) & (labels > 0)
    result[line] = _lightened(LINE_TO_WHITE)[labels[line]]
    return result


def union_alpha(segmented: SegmentedFrame) -> Alpha:
    """Joins the objects' soft masks; takes the hard ones where the frame or photo carries no soft ones."""
    if segmented.alpha is None:
        return np.asarray((segmented.label_map.labels > 0) * np.uint8(255), dtype=np.uint8)
    return np.asarray(segmented.alpha.sum(axis=0, dtype=np.uint16).clip(0, 255), dtype=np.uint8)


def cutout(rgb: Rgb, alpha: Alpha, decontaminate: bool = False) -> npt.NDArray[np.uint8]:
    """Adds straight (not premultiplied) alpha to a picture.

    Args:
        rgb: the picture.
        alpha: of the object.
        decontaminate: soft edges get the object's colours.

    Returns:
        uint8 (H, W, 4).
    """
    return np.dstack([decontaminated(rgb, alpha) if decontaminate else rgb, alpha])


def on_background(rgb: Rgb, alpha: Alpha, background: tuple[int, int, int] | Rgb | str = (0, 255, 0)) -> Rgb:
    """Puts the object on another background.

    Args:
        rgb: the frame.
        alpha: of the object.
        background: of :func:`backdrop`.
    """
    behind = backdrop(rgb, alpha, background)
    result = np.array(behind, order="C")
    x, y, width, height = cv2.boundingRect(alpha)
    if width:
        area = (slice(y, y + height), slice(x, x + width))
        share = alpha[area].astype(np.float32) / 255
        front, back = (np.ascontiguousarray(picture[area]) for picture in (rgb, behind))
        result[area] = cv2.blendLinear(front, back, share, 1 - share)
    return result


def backdrop(rgb: Rgb, alpha: Alpha, background: tuple[int, int, int] | Rgb | str) -> Rgb:
    """Makes the picture that is behind an object on another background.

    Args:
        rgb: the frame.
        alpha: of the object.
        background: a colour (R, G, B) 0..255, a picture of the same size, or "blur" for the frame itself, blurred.

    Raises:
        ValueError: another word than "blur".
    """
    if not isinstance(background, str):
        return np.broadcast_to(np.asarray(background, dtype=np.uint8), rgb.shape)
    if background != "blur":
        raise ValueError(f'background must be a colour, a picture or "blur", got {background!r}')
    return blurred_surroundings(rgb, alpha)


def thumbnail_row(thumbnails: Sequence[npt.NDArray[np.uint8]]) -> Rgb:
    """Puts small pictures, (H, W, 4) RGBA, beside each other on white; what their alpha leaves out is faded."""
    height = max(len(one) for one in thumbnails)
    faded = []
    for one in thumbnails:
        share = np.maximum(one[..., 3:].astype(np.float32) / 255, 0.35)
        shown = (one[..., :3] * share + 255 * (1 - share)).round().astype(np.uint8)
        faded.append(np.pad(shown, ((0, height - len(one)), (0, 4), (0, 0)), constant_values=255))
    return np.concatenate(faded, axis=1)


def preview(picture: npt.NDArray[np.uint8], suffix: Literal[".jpg", ".png"]) -> bytes:
    """Encodes a picture for a notebook, at most ``PREVIEW_SIDE`` pixels wide or high.

    Args:
        picture: uint8 (H, W, 3) RGB or (H, W) gray.
        suffix: the format.
    """
    scale = PREVIEW_SIDE / max(picture.shape)
    if scale < 1:
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, encoded = cv2.imencode(suffix, picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return np.asarray(encoded).tobytes()


def blurred_surroundings(rgb: Rgb, alpha: Alpha) -> Rgb:
    """Blurs a picture without the object's colours bleeding into it (normalised convolution); uint8 (H, W, 3)."""
    height, width = alpha.shape
    # A blurred picture has no detail to lose: at a scale where the blur is a few pixels wide, it costs nothing.
    scale = min(1.0, BLUR_SIGMA * BLUR_PER_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    sigma = max(size) / BLUR_PER_SIDE
    weight = 255 - alpha
    weighted = cv2.multiply(rgb, cv2.merge([weight] * 3), scale=1 / 255)
    small = np.dstack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (weighted, weight)])
    small = small.astype(np.float32) + np.array([0, 0, 0, 1e-3], np.float32)  # all object: black
    near, far = (cv2.GaussianBlur(small, (0, 0), s) for s in (sigma, max(size) / 4))
    # In the middle of a large object nothing is near; what is far away fades in.
    colours = near[..., :3] + FAR_SHARE * 255 * far[..., :3] / far[..., 3:]
    blurred = 255 * colours / (near[..., 3:] + FAR_SHARE * 255)
    return np.asarray(cv2.resize(blurred.round().clip(0, 255).astype(np.uint8), (width, height)), dtype=np.uint8)


def _lightened(to_white: float = 0.0) -> npt.NDArray[np.uint8]:
    colours = 255 * (davis_palette().astype(np.float32) / 255) ** TINT_GAMMA
    return np.asarray((colours + (255 - colours) * to_white).round(), dtype=np.uint8)
