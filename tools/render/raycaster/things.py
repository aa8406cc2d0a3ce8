"""What a scene is made of: things of ellipsoids, each with a pose on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ellipsoid:
    """One part of a thing: centre and radii in metres in the thing's own axes (x ahead), linear RGB in 0..1."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    rgb: tuple[float, float, float]
    gloss: float = 0.35
    grain: float = 0.12


@dataclass(frozen=True)
class Pose:
    """Where a thing stands: ground position in metres, heading and sideways tilt in radians, lift in metres."""

    x: float
    z: float
    heading: float = 0.0
    tilt: float = 0.0
    lift: float = 0.0

    def rotation(self) -> Array:
        """(3, 3), from the thing's axes to the world's."""
        ch, sh, ct, st = np.cos(self.heading), np.sin(self.heading), np.cos(self.tilt), np.sin(self.tilt)
        turn = np.array([[ch, 0, sh], [0, 1, 0], [-sh, 0, ch]])
        lean = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]])
        return np.asarray(turn @ lean, np.float32)


@dataclass(frozen=True)
class Thing:
    """Parts that stand somewhere; label 0 = not followed."""

    label: int
    parts: list[Ellipsoid]
    pose: Pose
