"""Affine and elastic warps of pictures and masks."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vos.geometry import SizeHW

Matrix = npt.NDArray[np.float64]  # (3, 3), homogeneous, from (x, y) of the source to (x, y) of the result
Field = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]  # x and y in the source, (H, W) each


def similarity_matrix(scale_x: float, scale_y: float, degrees: float, shift: tuple[float, float]) -> Matrix:
    """Scales and rotates about the origin, then shifts."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos * scale_x, -sin * scale_y, shift[0]], [sin * scale_x, cos * scale_y, shift[1]], [0, 0, 1]])


def centred(x: float, y: float) -> Matrix:
    """Moves a point to the origin."""
    return similarity_matrix(1, 1, 0, (-x, -y))


def warp(image: npt.NDArray[np.uint8], matrix: Matrix, size: SizeHW, border: int) -> npt.NDArray[np.uint8]:
    """Affine warp that halves the image first where it would be shrunk by more than two (against aliasing).

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
    """A smooth random deformation, as of a body; ``amount`` is its deviation as a share of the longer side."""
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
