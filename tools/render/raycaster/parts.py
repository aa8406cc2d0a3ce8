"""What things are built of: ellipsoids in metres (x ahead, y up), in rows, pairs, stripes and spots; and colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from raycaster.things import Ellipsoid

Point = tuple[float, float, float]
Rgb = tuple[float, float, float]  # linear, 0..1
Parts = list[Ellipsoid]


@dataclass(frozen=True)
class Palette:
    """The colours of one thing: most of it, its second colour, its pattern."""

    main: Rgb
    second: Rgb
    accent: Rgb

    def shifted(self, rng: np.random.Generator) -> Palette:
        """Somewhat different colours, for a twin: the same main colour lighter or darker, another pattern."""
        factor = float(rng.choice([0.55, 1.6]))
        main, second = (_clipped(np.array(c) * factor + rng.uniform(0, 0.06, 3)) for c in (self.main, self.second))
        return Palette(main, second, _clipped(1 - np.array(self.accent)))


@dataclass(frozen=True)
class Model:
    """How a thing is built.

    Attributes:
        build: parts from a palette and the phase of its walk in radians.
        length: along x, metres; its width is smaller.
        height: metres.
        flies: it hovers where it is put, instead of walking.
    """

    build: Callable[[Palette, float], Parts]
    length: float
    height: float
    flies: bool = False


def scaled(parts: Sequence[Ellipsoid], factor: float) -> Parts:
    """The same thing ``factor`` times as large."""
    return [replace(part, centre=_times(part.centre, factor), radii=_times(part.radii, factor)) for part in parts]


def limb(start: Point, end: Point, radius: float, rgb: Rgb, beads: int = 9) -> Parts:
    """A leg, arm, neck or tail: overlapping spheres along a line."""
    places = np.linspace(start, end, beads)
    return [Ellipsoid(_point(place), (radius, radius * 1.15, radius), rgb, gloss=0.1) for place in places]


def bands(part: Ellipsoid, axis: int, at: Sequence[float], width: float, rgb: Rgb) -> Parts:
    """Stripes around an ellipsoid: slices of it, slightly fatter, across ``axis`` at shares ``at`` of its radius."""
    rings = []
    for share in at:
        centre, radii = list(part.centre), [r * 1.05 * np.sqrt(1 - share**2) for r in part.radii]
        centre[axis] += share * part.radii[axis]
        radii[axis] = 1.6 * width
        rings.append(Ellipsoid(_point(centre), _point(radii), rgb, part.gloss, part.grain))
    return rings


def dots(part: Ellipsoid, count: int, radius: float, rgb: Rgb, seed: int) -> Parts:
    """Spots on an ellipsoid, at places that depend on ``seed`` alone."""
    directions = np.random.default_rng(seed).normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = np.array(part.centre) + directions * np.array(part.radii) * 0.93
    return [Ellipsoid(_point(place), (radius, radius, radius), rgb, 0.15, part.grain) for place in places]


def pair(centre: Point, radii: Point, rgb: Rgb, gloss: float = 0.2) -> Parts:
    """Two parts, left and right."""
    x, y, z = centre
    return [Ellipsoid((x, y, side * z), radii, rgb, gloss) for side in (-1, 1)]


def duck(body: Rgb, wing: Rgb, scarf: Rgb) -> Parts:
    """A toy duck 0.8 m long, in three colours."""
    beak, eye, white = (0.95, 0.33, 0.04), (0.02, 0.02, 0.02), (0.9, 0.9, 0.86)
    parts = [
        Ellipsoid((0.0, 0.27, 0.0), (0.40, 0.27, 0.27), body),
        Ellipsoid((-0.36, 0.38, 0.0), (0.16, 0.09, 0.12), body),
        Ellipsoid((0.24, 0.64, 0.0), (0.20, 0.20, 0.19), body),
        Ellipsoid((0.21, 0.46, 0.0), (0.19, 0.055, 0.19), scarf, gloss=0.05, grain=0.3),
        Ellipsoid((0.46, 0.60, 0.0), (0.13, 0.045, 0.09), beak),
    ]
    for side in (-1, 1):
        parts += [
            Ellipsoid((-0.06, 0.31, 0.22 * side), (0.25, 0.15, 0.075), wing, grain=0.25),
            Ellipsoid((0.37, 0.70, 0.115 * side), (0.05, 0.055, 0.05), white),
            Ellipsoid((0.405, 0.70, 0.135 * side), (0.03, 0.038, 0.03), eye, gloss=0.9),
            Ellipsoid((0.05, 0.03, 0.13 * side), (0.16, 0.035, 0.09), beak),
        ]
    return parts


def _point(values: Sequence[float] | npt.NDArray[np.floating]) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _times(point: Point, factor: float) -> Point:
    return _point([value * factor for value in point])


def _clipped(rgb: Sequence[float] | npt.NDArray[np.floating]) -> Rgb:
    return _point(np.clip(rgb, 0.02, 0.92))
