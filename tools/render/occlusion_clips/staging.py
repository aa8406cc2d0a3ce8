"""Stages, casts and cameras drawn by lot: what the kinds of clips have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from raycaster.camera import CameraPose
from raycaster.things import Ellipsoid, Pose, Thing

from occlusion_clips.clips import Actor, Path, walk
from occlusion_clips.models import MODELS, PALETTES
from occlusion_clips.panels import STYLES, Panel, make_panel
from occlusion_clips.places import PLACES
from occlusion_clips.stage import HALF_WIDTH, Stage

WALKERS = ("dog", "car", "child", "duck", "bear", "penguin", "turtle")
BUILT = ("room", "plaza")  # places with columns where others have trees
OPAQUE = 0.9  # share of a panel's width that hides for certain
SLACK = 0.15  # metres that a panel is wider, for the camera's own motion


@dataclass(frozen=True)
class Lot:
    """The dice of one clip: its number among the clips of its kind varies what must vary, the rest is chance."""

    rng: np.random.Generator
    number: int

    def pick(self, names: tuple[str, ...], offset: int = 0) -> str:
        """A name that neighbouring clips do not have."""
        return names[(self.number + offset) % len(names)]

    def side(self) -> int:
        """-1 or 1."""
        return int(self.rng.choice([-1, 1]))

    def actor(self, model: str, path: Path, share: float, label: int = 1, frame: float = 0.0) -> Actor:
        """Someone in random colours who covers ``share`` of the picture in a frame."""
        palette = PALETTES[int(self.rng.integers(len(PALETTES)))]
        pace = float(self.rng.uniform(0.45, 0.7))
        return Actor(label, MODELS[model], palette, path, pace=pace).fitted(share, frame)

    def passer_by(self, unlike: Actor) -> Actor:
        """Someone not followed, of another build and colour, who crosses the background."""
        names = [name for name in WALKERS if MODELS[name] is not unlike.model]
        palettes = [palette for palette in PALETTES if palette is not unlike.palette]
        side, z = self.side(), float(self.rng.uniform(7.5, 9.0))
        path = walk((0, -0.8 * side * across(z), z), (60, 0.7 * side * across(z), z - 0.5))
        return Actor(0, MODELS[str(self.rng.choice(names))], palettes[int(self.rng.integers(len(palettes)))], path, 0.9)

    def stage(self, offset: int, panels: tuple[Panel, ...] = ()) -> Stage:
        """A place with stones and trees or columns in the background."""
        place = self.pick(tuple(PLACES), offset)
        ground, backdrop = PLACES[place](self.rng)
        bark = (0.5, 0.49, 0.46) if place in BUILT else (0.2, 0.14, 0.09)
        props = []
        for view in self.rng.uniform(-1, 1, 5):
            z, size = float(self.rng.uniform(6.8, 10.5)), float(self.rng.uniform(0.15, 0.5))
            grey = float(self.rng.uniform(0.15, 0.5))
            stone = Ellipsoid((0, 0.02, 0), (size, 0.6 * size, 0.8 * size), (grey, grey, 0.92 * grey), 0.02, 0.4)
            props.append(Thing(0, [stone], Pose(float(view) * across(z), z)))
        for view in self.rng.uniform(-1.1, 1.1, int(self.rng.integers(0, 3))):
            trunk = Ellipsoid((0, 1.2, 0), (0.22, 6, 0.2), bark, 0, 0.08 if place in BUILT else 0.55)
            props.append(Thing(0, [trunk], Pose(float(view) * across(10.5), 10.5)))
        warmth, exposure = self.rng.uniform(-0.12, 0.12), self.rng.uniform(0.75, 1.15)
        light = exposure * np.array([1 + warmth, 1, 1 - warmth])
        far = np.asarray(cv2.GaussianBlur(backdrop, (0, 0), 2.0), np.float32)
        return Stage(ground, far, props, panels, (float(light[0]), float(light[1]), float(light[2])))

    def panel(self, offset: int, x: float, z: float, hides: float, at: float, height: float) -> Panel:
        """What hides ``hides`` metres at distance ``at``, around ``x`` there, while standing at distance ``z``."""
        width = (hides * z / at + SLACK) / OPAQUE
        style = self.pick(tuple(STYLES), offset)
        if style == "van" and width < 1.25 * height:  # a van is longer than high
            style = "hoarding"
        return make_panel(style, x * z / at, z, width, height, self.rng)

    def camera(self, pitch: float = 0.16, drift: float = 1.0) -> Callable[[float], CameraPose]:
        """Hand-held: it drifts sideways and turns a little, and trembles."""
        shift, turn = (drift * size * self.side() * self.rng.uniform(0.5, 1) for size in (0.2, 0.045))
        phases, tempo = self.rng.uniform(0, 2 * np.pi, 4), self.rng.uniform(0.18, 0.5, 4)

        def at(frame: float) -> CameraPose:
            tremble = np.sin(phases + tempo * frame)
            share = frame / 25 - 1
            return CameraPose(
                float(shift * share + 0.01 * tremble[3]),
                float(0.15 * share * drift),
                float(turn * share + 0.003 * tremble[0] + 0.002 * tremble[1]),
                float(pitch + 0.003 * tremble[2]),
            )

        return at


def across(z: float) -> float:
    """Half the width of the view at distance ``z``, metres."""
    return HALF_WIDTH * z


def regraded(stage: Stage, rng: np.random.Generator) -> Stage:
    """The same stage a little later: other exposure and colour of light."""
    red, green, blue = (float(gain * change) for gain, change in zip(stage.light, rng.uniform(0.78, 0.95, 3)))
    return replace(stage, light=(red, green, blue))
