"""Things to follow and to stand around."""

from __future__ import annotations

import numpy as np
from raycaster.parts import Model, Palette, Parts, bands, dots, duck, limb, pair
from raycaster.things import Ellipsoid

DARK, WHITE, SKIN, HORN = (0.02, 0.02, 0.025), (0.85, 0.84, 0.8), (0.72, 0.42, 0.29), (0.9, 0.36, 0.05)


def toy_duck(colours: Palette, phase: float) -> Parts:
    return list(duck(colours.main, colours.second, colours.accent))


def dog(colours: Palette, phase: float) -> Parts:
    swing = 0.11 * np.sin(phase)
    body = Ellipsoid((0, 0.43, 0), (0.36, 0.17, 0.16), colours.main, 0.08, 0.3)
    legs = [
        bead
        for x, z, sign in ((0.22, 0.09, 1), (0.22, -0.09, -1), (-0.24, 0.09, -1), (-0.24, -0.09, 1))
        for bead in limb((x, 0.36, z), (x + sign * swing, 0.04, z), 0.055, colours.main)
    ]
    head = Ellipsoid((0.47, 0.70, 0), (0.15, 0.13, 0.13), colours.main, 0.08, 0.3)
    return [
        body, *dots(body, 9, 0.07, colours.second, 3), *legs, *dots(head, 3, 0.05, colours.second, 8),
        *limb((0.27, 0.48, 0), (0.42, 0.66, 0), 0.11, colours.main),
        Ellipsoid((0.36, 0.56, 0), (0.11, 0.045, 0.13), colours.accent), head,
        Ellipsoid((0.61, 0.66, 0), (0.11, 0.065, 0.07), colours.second),
        Ellipsoid((0.71, 0.68, 0), (0.03, 0.03, 0.04), DARK, 0.9),
        *pair((0.43, 0.73, 0.125), (0.06, 0.12, 0.03), colours.second, 0.05),
        *pair((0.58, 0.75, 0.075), (0.02,) * 3, DARK, 0.9),
        *limb((-0.34, 0.48, 0), (-0.55, 0.72, 0.09 * np.sin(2 * phase)), 0.035, colours.second),
    ]  # fmt: skip


def child(colours: Palette, phase: float) -> Parts:
    swing = 0.17 * np.sin(phase)
    shirt = Ellipsoid((0, 0.78, 0), (0.13, 0.24, 0.18), colours.main, 0.04, 0.15)
    sides = []
    for side in (-1, 1):
        step = side * swing
        sides += limb((0, 0.55, 0.08 * side), (step, 0.1, 0.085 * side), 0.075, colours.second, 12)
        sides += limb((0, 0.94, 0.19 * side), (-step, 0.62, 0.25 * side), 0.052, colours.main, 12)
        sides.append(Ellipsoid((-step, 0.56, 0.25 * side), (0.05, 0.06, 0.04), SKIN))
        sides.append(Ellipsoid((step + 0.04, 0.045, 0.085 * side), (0.12, 0.05, 0.06), colours.accent))
    return [
        *sides, shirt, *bands(shirt, 1, (-0.6, -0.25, 0.1, 0.45), 0.04, colours.accent),
        Ellipsoid((0.01, 1.16, 0), (0.125, 0.14, 0.12), SKIN, 0.15, 0.03),
        Ellipsoid((-0.03, 1.20, 0), (0.135, 0.13, 0.135), (0.06, 0.03, 0.015), 0.25, 0.4),
        *pair((0.12, 1.17, 0.045), (0.02,) * 3, DARK, 0.9), Ellipsoid((0.14, 1.13, 0), (0.025,) * 3, SKIN),
    ]  # fmt: skip


def car(colours: Palette, phase: float) -> Parts:
    hull = Ellipsoid((0, 0.26, 0), (0.54, 0.16, 0.27), colours.main, 0.8, 0.02)
    wheels = []
    for x in (-0.31, 0.31):
        wheels += pair((x, 0.13, 0.21), (0.13, 0.13, 0.075), DARK, 0.1)
        wheels += pair((x, 0.13, 0.27), (0.065, 0.065, 0.03), WHITE, 0.8)
        wheels += pair((x + 0.05 * np.cos(phase), 0.13 - 0.05 * np.sin(phase), 0.285), (0.018,) * 3, DARK)
    return [
        hull, *bands(hull, 2, (0.0,), 0.035, colours.accent), *wheels,
        Ellipsoid((-0.06, 0.43, 0), (0.29, 0.17, 0.21), colours.second, 0.8, 0.02),
        Ellipsoid((-0.06, 0.45, 0), (0.21, 0.1, 0.235), (0.03, 0.05, 0.07), 0.9, 0.0),
        Ellipsoid((-0.06, 0.44, 0), (0.31, 0.1, 0.15), (0.03, 0.05, 0.07), 0.9, 0.0),
        *pair((0.49, 0.28, 0.13), (0.04, 0.045, 0.05), (0.95, 0.9, 0.6), 0.9),
        *pair((-0.5, 0.28, 0.13), (0.03, 0.04, 0.05), (0.6, 0.02, 0.02), 0.5),
    ]  # fmt: skip


def bear(colours: Palette, phase: float) -> Parts:
    swing = 0.07 * np.sin(phase)
    parts = [
        Ellipsoid((0, 0.34, 0), (0.20, 0.25, 0.22), colours.main, 0.04, 0.35),
        Ellipsoid((0.07, 0.33, 0), (0.16, 0.18, 0.16), colours.second, 0.04, 0.2),
        Ellipsoid((0.02, 0.72, 0), (0.19, 0.18, 0.20), colours.main, 0.04, 0.35),
        Ellipsoid((0.17, 0.67, 0), (0.09, 0.075, 0.09), colours.second, 0.04, 0.1),
        Ellipsoid((0.25, 0.70, 0), (0.025, 0.025, 0.035), DARK, 0.9),
        Ellipsoid((0.0, 0.545, 0), (0.17, 0.035, 0.17), colours.accent, 0.1),
        *pair((0.0, 0.89, 0.14), (0.045, 0.075, 0.075), colours.main),
        *pair((0.03, 0.89, 0.14), (0.03, 0.05, 0.05), colours.second),
        *pair((0.185, 0.76, 0.075), (0.022,) * 3, DARK, 0.9),
    ]  # fmt: skip
    for side in (-1, 1):
        step = side * swing
        parts += limb((0.02, 0.5, 0.2 * side), (0.1 - step, 0.3, 0.27 * side), 0.07, colours.main)
        parts += limb((0, 0.18, 0.11 * side), (step, 0.07, 0.12 * side), 0.09, colours.main)
        parts.append(Ellipsoid((0.08 + step, 0.06, 0.12 * side), (0.11, 0.06, 0.09), colours.second))
    return parts


def penguin(colours: Palette, phase: float) -> Parts:
    return [
        Ellipsoid((0, 0.40, 0), (0.22, 0.38, 0.24), colours.main, 0.3),
        Ellipsoid((0.06, 0.36, 0), (0.185, 0.32, 0.19), WHITE, 0.1, 0.05),
        Ellipsoid((0.01, 0.82, 0), (0.165, 0.16, 0.16), colours.main, 0.3),
        Ellipsoid((0.20, 0.80, 0), (0.10, 0.03, 0.05), HORN),
        Ellipsoid((0, 0.67, 0), (0.175, 0.045, 0.175), colours.accent, 0.05, 0.3),
        *bands(Ellipsoid((0, 0.82, 0), (0.165, 0.16, 0.16), colours.second), 1, (0.55,), 0.03, colours.second),
        *pair((-0.02, 0.45, 0.25), (0.09, 0.24, 0.035), colours.second), *pair((0.13, 0.87, 0.085), (0.03,) * 3, WHITE),
        *pair((0.15, 0.87, 0.095), (0.018,) * 3, DARK, 0.9), *pair((0.07, 0.03, 0.1), (0.15, 0.03, 0.08), HORN),
    ]  # fmt: skip


def turtle(colours: Palette, phase: float) -> Parts:
    step = 0.05 * np.sin(phase)
    shell = Ellipsoid((0, 0.24, 0), (0.36, 0.24, 0.32), colours.main, 0.4)
    feet = [
        p
        for x, s in ((0.24, 1), (-0.24, -1))
        for p in pair((x + s * step, 0.07, 0.24), (0.11, 0.07, 0.08), colours.second)
    ]
    return [
        shell, *dots(shell, 26, 0.075, colours.accent, 5), Ellipsoid((0, 0.16, 0), (0.39, 0.05, 0.35), colours.second),
        *feet, *limb((0.32, 0.2, 0), (0.46, 0.31, 0), 0.07, colours.second),
        *limb((-0.35, 0.13, 0), (-0.46, 0.1, 0), 0.03, colours.second),
        Ellipsoid((0.51, 0.36, 0), (0.12, 0.10, 0.10), colours.second),
        *pair((0.58, 0.4, 0.065), (0.024,) * 3, DARK, 0.9),
    ]  # fmt: skip


def bee(colours: Palette, phase: float) -> Parts:
    flap = 0.10 * np.sin(3 * phase)
    body = Ellipsoid((-0.05, 0, 0), (0.30, 0.18, 0.18), colours.main, 0.1, 0.25)
    return [
        body, *bands(body, 0, (-0.65, -0.2, 0.25), 0.045, colours.second),
        Ellipsoid((0.27, 0.03, 0), (0.13, 0.13, 0.13), colours.accent, 0.2),
        *pair((0.36, 0.06, 0.07), (0.03,) * 3, DARK, 0.9),
        *pair((0.02, 0.2 + flap, 0.16), (0.14, 0.10, 0.12), (0.8, 0.85, 0.9), 0.5),
    ]  # fmt: skip


def ball(colours: Palette, phase: float) -> Parts:
    parts = [Ellipsoid((0, 0, 0), (0.25, 0.25, 0.25), colours.main, 0.6, 0.03)]
    for angle in phase + np.arange(6) * np.pi / 3:  # it rolls: the patches turn about z
        for side in (-0.55, 0.55):
            place = (0.185 * np.cos(angle + side), -0.185 * np.sin(angle + side), 0.13 * np.sign(side))
            parts.append(Ellipsoid(place, (0.065,) * 3, colours.second if side < 0 else colours.accent, 0.6, 0.03))
    return [*parts, *pair((0, 0, 0.2), (0.075, 0.075, 0.06), colours.accent, 0.6)]


MODELS = {
    "dog": Model(dog, 1.3, 0.85),
    "car": Model(car, 1.1, 0.6),
    "child": Model(child, 0.62, 1.33),
    "duck": Model(toy_duck, 1.05, 0.84),
    "bear": Model(bear, 0.55, 0.97),
    "penguin": Model(penguin, 0.6, 0.98),
    "turtle": Model(turtle, 1.12, 0.48),
    "bee": Model(bee, 0.78, 0.4, flies=True),
    "ball": Model(ball, 0.5, 0.5, flies=True),
}
PALETTES = (
    Palette((0.75, 0.10, 0.05), (0.85, 0.80, 0.72), (0.05, 0.10, 0.45)),
    Palette((0.45, 0.22, 0.08), (0.80, 0.66, 0.45), (0.60, 0.03, 0.05)),
    Palette((0.06, 0.22, 0.60), (0.80, 0.82, 0.85), (0.90, 0.60, 0.04)),
    Palette((0.88, 0.58, 0.05), (0.10, 0.07, 0.05), (0.85, 0.20, 0.03)),
    Palette((0.07, 0.07, 0.09), (0.22, 0.22, 0.26), (0.75, 0.05, 0.10)),
    Palette((0.70, 0.68, 0.62), (0.16, 0.11, 0.08), (0.05, 0.35, 0.45)),
    Palette((0.30, 0.07, 0.35), (0.75, 0.55, 0.75), (0.85, 0.80, 0.15)),
    Palette((0.04, 0.30, 0.20), (0.62, 0.66, 0.30), (0.80, 0.45, 0.10)),
)
