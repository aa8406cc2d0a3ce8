"""Affine and elastic warps of pictures and masks; masks as an earlier frame's, which no longer fit."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from vos.geometry import SizeHW
from vos.sam.nano.inputs import highest_around

Matrix = npt.NDArray[np.float64]  # (3, 3), homogeneous, from (x, y) of the source to (x, y) of the result
Field = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]  # x and y in the source, (H, W) each

LARGEST = 3  # cells by which a mask is grown or shrunk
HOLED_SHARE = 0.3  # of the masks have holes


def similarity_matrix(scale_x: float, scale_y: float, degrees: float, shift: tuple[float, float]) -> Matrix:
    """Scales and rotates about the origin, then shifts."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos * scale_x, -sin * scale_y, shift[0]], [sin * scale_x, cos * scale_y, shift[1]], [0, 0, 1]])


def centred(x: float, y: float) -> Matrix:
    """Moves a point to the origin."""
    return similarity_matrix(1, 1, 0, (-x, -y))


def warp(image: npt.NDArray[np.uint8], matrix: Matrix, size: SizeHW, border: int) -> npt.NDArray[np.uint8]:
    """Warps by a matrix, and halves the image first where it would be shrunk by more than two (against aliasing).

    Args:
        image: uint8 (H, W) or (H, W, 3).
        matrix: from the image to the result.
        size: (H, W) of the result.
        border: what lies outside of the image, one of OpenCV's ``BORDER_``.
    """
    shrink = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    if shrink < 0.55 and min(image.shape[:2]) > 4:
        height, width = image.shape[:2]
        half = np.asarray(cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        scale = similarity_matrix(width / (width // 2), height / (height // 2), 0, (0, 0))
        return warp(half, matrix @ scale, size, border)
    warped = cv2.warpAffine(image, matrix[:2], size[::-1], flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(warped, dtype=np.uint8)


def bending(size: SizeHW, amount: float, seed: int) -> Field:
    """Draws a smooth random deformation, as of a body; ``amount`` is its deviation as a share of the longer side."""
    height, width = size
    field = np.random.default_rng(seed).normal(0, amount * max(size), (2, 4, 4)).astype(np.float32)
    dx, dy = (cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in field)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return columns + dx, rows + dy


def bend(rgb: npt.NDArray[np.uint8], field: Field) -> npt.NDArray[np.uint8]:
    """Bends a picture (H, W, 3)."""
    bent = cv2.remap(rgb, *field, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(bent, dtype=np.uint8)


def bend_labels(labels: npt.NDArray[np.integer], field: Field) -> npt.NDArray[np.integer]:
    """Bends a map of ids (H, W); its type stays."""
    bent = cv2.remap(labels, *field, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(bent, dtype=labels.dtype)


def corrupt_masks(masks: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Corrupts masks as an earlier frame would: each zoomed, turned, shifted, grown or shrunk, some with holes.

    Args:
        masks: float (N, h, w) in [0, 1].
        generator: of the random numbers, on any device.

    Returns:
        float (N, h, w) in [0, 1].
    """
    count = len(masks)

    def draw(*shape: int) -> torch.Tensor:
        numbers = torch.rand(count, *shape, generator=generator, device=generator.device)
        return numbers.to(masks.device, non_blocking=True)

    zooms, angles, shifts = 0.88 + 0.27 * draw(1), 0.3 * draw(1) - 0.15, 0.24 * draw(2) - 0.12
    grow, size, holed = draw(1, 1, 1) < 0.5, draw(1, 1, 1) * (LARGEST + 1), draw(1, 1, 1) < HOLED_SHARE
    solid = F.interpolate(draw(1, 4, 4), size=masks.shape[1:], mode="bilinear") > 0.35
    cos, sin = zooms * angles.cos(), angles.sin()
    motions = torch.stack([torch.cat([cos, -sin, shifts[:, :1]], 1), torch.cat([sin, cos, shifts[:, 1:]], 1)], dim=1)
    grids = F.affine_grid(motions, [count, 1, *masks.shape[1:]], align_corners=False)
    x = F.grid_sample(masks[:, None], grids, align_corners=False)
    sign = grow * 2.0 - 1.0
    # No GPU is asked for the largest size: it would have to be waited for.
    most = int(size.max()) if size.device.type == "cpu" else LARGEST
    for radius in range(1, most + 1):  # a small square r times over is a square of radius r
        x = torch.where(size >= radius, sign * highest_around(sign * x), x)
    return F.avg_pool2d(x * (solid | ~holed), 3, 1, 1)[:, 0]
