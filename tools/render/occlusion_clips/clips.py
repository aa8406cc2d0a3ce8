"""What a clip consists of: actors on paths, cameras, shots; and how its frames are exposed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from raycaster.camera import CameraPose
from raycaster.parts import Model, Palette, scaled
from raycaster.things import Array, Pose, Thing

from occlusion_clips.stage import Stage, defocus, finished, render, silhouette

Place = tuple[float, float, float]  # x and z on the ground and lift above it, metres
Path = Callable[[float], Place]  # by frame, a real number: shutters stay open for a while
SAMPLES = 2  # per pixel and axis, at one instant
INSTANTS = 5  # in which a moving picture is exposed


def walk(*keys: tuple[float, float, float]) -> Path:
    """A path on the ground through (frame, x, z), corners rounded."""
    frames, xs, zs = np.array(keys, float).T
    taps = np.linspace(-2, 2, 5)

    def at(frame: float) -> Place:
        return float(np.interp(frame + taps, frames, xs).mean()), float(np.interp(frame + taps, frames, zs).mean()), 0.0

    return at


@dataclass(frozen=True)
class Actor:
    """Someone who moves; label 0 = not followed."""

    label: int
    model: Model
    palette: Palette
    path: Path
    scale: float = 1.0
    pace: float = 0.55  # radians of its step per frame

    @property
    def length(self) -> float:
        """Metres along its heading."""
        return self.model.length * self.scale

    def at(self, frame: float) -> Thing:
        """The actor at a moment; it looks where it goes."""
        (x, z, lift), (x0, z0, _), (x1, z1, _) = (self.path(frame + step) for step in (0, -1, 1))
        speed = np.hypot(x1 - x0, z1 - z0)
        heading = float(np.arctan2(z0 - z1, x1 - x0)) if speed > 1e-6 else 0.0
        sway = 0.0 if self.model.flies else 0.05 * np.sin(self.pace * frame) * min(1.0, 30 * speed)
        parts = scaled(self.model.build(self.palette, self.pace * frame), self.scale)
        hover = 0.5 * self.model.height * self.scale if self.model.flies else 0.0
        return Thing(self.label, parts, Pose(x, z, heading, float(sway), lift + hover))

    def fitted(self, share: float, frame: float = 0.0) -> Actor:
        """The same actor, so large that it covers ``share`` of the picture in a frame."""
        actor = self
        for _ in range(3):
            actor = replace(actor, scale=actor.scale * float(np.sqrt(share / max(silhouette(actor.at(frame)), 1e-4))))
        return actor


@dataclass(frozen=True)
class Shot:
    """One stage, its actors and how it is filmed."""

    stage: Stage
    actors: Sequence[Actor]
    camera: Callable[[float], CameraPose]
    blur: Callable[[float], float] = lambda frame: 0.0  # by frame: sigma, share of the picture's width
    shutter: float = 0.0  # how long it is open, frames


@dataclass(frozen=True)
class Clip:
    """Shots, each with its first frame; they share one count of frames."""

    name: str
    frames: int
    shots: Sequence[tuple[int, Shot]]

    def shot(self, frame: int) -> Shot:
        """The shot that a frame belongs to."""
        return [shot for first, shot in self.shots if first <= frame][-1]

    def film(
        self, size: tuple[int, int], rng: np.random.Generator, every: int = 1
    ) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
        """Frames, uint8 (H, W, 3), and label maps, uint8 (H, W); ``size`` = (H, W), ``every`` = 1 for all frames."""
        labels = max(actor.label for _, shot in self.shots for actor in shot.actors)
        for frame in range(0, self.frames, every):
            linear, cover = exposed(self.shot(frame), frame, size, labels)
            yield finished(linear, cover, rng)


def exposed(shot: Shot, frame: int, size: tuple[int, int], labels: int) -> tuple[Array, Array]:
    """A frame in linear light and how much of each pixel's light comes from each object."""
    steps = (np.arange(INSTANTS) / (INSTANTS - 1) - 0.5) * shot.shutter if shot.shutter else np.zeros(1)
    samples = 1 if len(steps) > 1 else SAMPLES
    instants = []
    for time in frame + steps:
        things = [actor.at(time) for actor in shot.actors]
        instants.append(render(shot.stage, things, shot.camera(time), size, samples, labels))
    sigma = shot.blur(frame) * size[1]
    linear = np.stack([rgb for rgb, _ in instants]).mean(axis=0)
    cover = np.stack([part for _, part in instants]).mean(axis=0)
    return defocus(linear, sigma), np.stack([defocus(layer, sigma) for layer in cover])
