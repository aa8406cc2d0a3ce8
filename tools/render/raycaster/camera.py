"""The camera: where it stands, what its picture covers, and how light becomes a picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from raycaster.textures import FAR, NEAR
from raycaster.things import Array

EYE = np.array([0.0, 1.35, 0.0], np.float32)  # metres; x right, y up, z forward


@dataclass(frozen=True)
class CameraPose:
    """Metres to the right and ahead, radians to the right and down."""

    x: float = 0.0
    z: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.16


@dataclass
class Canvas:
    """What the camera has seen so far, per sample: linear RGB, distance, kind of thing."""

    rgb: Array
    depth: Array
    kinds: npt.NDArray[np.uint8]


class Camera:
    """A pinhole camera at the height of ``EYE``.

    Args:
        size: of the picture, (H, W).
        samples: per pixel and axis.
        focal: focal length, widths of the picture.
        pose: where it stands and looks; everything else is moved to where ``EYE`` is.
    """

    def __init__(self, size: tuple[int, int], samples: int, focal: float, pose: CameraPose) -> None:
        cy, sy, cp, sp = np.cos(pose.yaw), np.sin(pose.yaw), np.cos(pose.pitch), np.sin(pose.pitch)
        self.to_world = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array(
            [[1, 0, 0], [0, cp, -sp], [0, sp, cp]]
        )  # columns: right, up, ahead
        height, width = size
        scale = focal * width * samples
        self.size = width * samples, height * samples
        self.intrinsics = np.array([[scale, 0, self.size[0] / 2], [0, -scale, self.size[1] / 2], [0, 0, 1]])
        self.origin = np.array([pose.x, 0.0, pose.z])

    def canvas(self) -> Canvas:
        """Returns a canvas on which nothing has been seen yet."""
        size = self.size[::-1]
        return Canvas(np.zeros((*size, 3), np.float32), np.full(size, np.inf, np.float32), np.zeros(size, np.uint8))

    def project(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """World points (N, 3) to samples (N, 2) as (x, y)."""
        homogeneous = (points - EYE) @ (self.intrinsics @ self.to_world.T).T
        return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])

    def draw_plane(self, canvas: Array, texture: Array, corners: npt.NDArray[np.floating]) -> None:
        """Paints a texture; its corners, clockwise from the top left, lie at world points (4, 3)."""
        h, w = texture.shape[:2]
        source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, self.project(corners).astype(np.float32))
        cv2.warpPerspective(texture, matrix, self.size, dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)

    def draw_flat(self, canvas: Array, texture: Array, half: float, height: float) -> None:
        """Paints the ground (``height`` 0) or the backdrop, ``half`` metres to the left and to the right."""
        left, right = (-half, height, FAR), (half, height, FAR)
        near = NEAR if height == 0 else FAR
        corners = np.array([left, right, (half, 0, near), (-half, 0, near)]) - self.origin
        self.draw_plane(canvas, texture, corners)

    def window(self, points: npt.NDArray[np.floating]) -> tuple[slice, slice]:
        """The samples, (rows, columns), that the hull of world points (N, 3) can cover."""
        seen = self.project(points)
        (x0, y0), (x1, y1) = (np.clip(edge, 0, self.size).astype(int) for edge in (seen.min(0), seen.max(0) + 1))
        return slice(y0, y1), slice(x0, x1)


def reduced(samples: Array, size: tuple[int, int]) -> Array:
    """Averages samples (H * k, W * k, ...) to the pixels of a picture of ``size`` (H, W)."""
    return np.asarray(cv2.resize(samples, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def develop(linear: Array, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Linear light to sRGB with a little film grain, uint8 (H, W, 3)."""
    display = np.clip(linear, 0, 1) ** (1 / 2.2) + rng.normal(0, 0.012, linear.shape)
    return (np.clip(display, 0, 1) * 255 + 0.5).astype(np.uint8)
