"""The kinds of soft edges: every function draws one clip by lot, and gives what its sprite is at any moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from occlusion_clips.clips import Actor, walk
from occlusion_clips.staging import WALKERS, Lot, across
from raycaster.things import Array

from matte_clips.pictures import photo_like
from matte_clips.sprites import Coat, actor_sprite, defocused, glass_ball, smoke, wisps

Size = tuple[int, int]
FRAMES = 12
SAMPLES = 3  # per pixel and axis
INSTANTS = 15  # in which a moving sprite is exposed
SHARE = (0.06, 0.13)  # of the picture that an actor covers, from ... to
DISTANCE = 5.0  # metres
MASK_FROM = {"glass": 0.3}  # the alpha from which a mask holds a pixel; a half for the other kinds
MARGIN = 1.35  # the background is so much larger than the frame


@dataclass(frozen=True)
class MatteClip:
    """One clip: what stands in front at a frame, and a background that moves on its own."""

    sprite: Callable[[float, Size], Array]
    background: Callable[[float, Size], Array]


def _actor(lot: Lot, speed: float) -> Actor:
    """Someone who crosses the picture, ``speed`` widths of the view in all."""
    side, share = lot.side(), float(lot.rng.uniform(*SHARE))
    span = 0.5 * speed * across(DISTANCE)
    path = walk((0, -side * span, DISTANCE), (FRAMES, side * span, DISTANCE))
    actor = lot.actor(lot.pick(WALKERS, int(lot.rng.integers(len(WALKERS)))), path, share)
    return actor


def hair(lot: Lot) -> Callable[[float, Size], Array]:
    """Long thin hair that stands off."""
    actor, length = _actor(lot, 0.5), float(lot.rng.uniform(0.12, 0.2))
    coat = Coat.grown(lot.rng, int(lot.rng.integers(1500, 3000)), length, float(lot.rng.uniform(0.3, 0.8)))
    return lambda frame, size: actor_sprite(actor, frame, size, SAMPLES, coat)


def fur(lot: Lot) -> Callable[[float, Size], Array]:
    """Short dense hair."""
    actor = _actor(lot, 0.5)
    coat = Coat.grown(lot.rng, 7000, float(lot.rng.uniform(0.03, 0.07)), float(lot.rng.uniform(0.3, 0.6)))
    return lambda frame, size: actor_sprite(actor, frame, size, SAMPLES, coat)


def motion(lot: Lot) -> Callable[[float, Size], Array]:
    """Blurred by its own motion while the shutter is open."""
    actor, shutter = _actor(lot, 1.5), float(lot.rng.uniform(0.35, 0.8))
    times = (np.arange(INSTANTS) + 0.5) / INSTANTS - 0.5

    def exposed(frame: float, size: Size) -> Array:
        instants = [actor_sprite(actor, frame + shutter * float(time), size, 2) for time in times]
        return np.asarray(np.mean(instants, axis=0), np.float32)

    return exposed


def glass(lot: Lot) -> Callable[[float, Size], Array]:
    """Inside a ball of glass."""
    actor = _actor(lot, 0.5)
    tint = tuple(float(value) for value in lot.rng.uniform(0.15, 0.8, 3))
    return lambda frame, size: glass_ball(actor, frame, size, SAMPLES, tint)


def cloud(lot: Lot) -> Callable[[float, Size], Array]:
    """A cloud whose edge dissolves."""
    actor, noise = _actor(lot, 0.4), wisps(lot.rng, (360, 640))
    tint = tuple(float(value) for value in np.clip(lot.rng.uniform(0.25, 0.9) + lot.rng.normal(0, 0.06, 3), 0.05, 0.95))

    def drawn(frame: float, size: Size) -> Array:
        resized = np.asarray(cv2.resize(noise, (size[1], 2 * size[0])), np.float32)
        return smoke(actor, frame, size, resized, tint)

    return drawn


def defocus(lot: Lot) -> Callable[[float, Size], Array]:
    """Out of focus, before a background that is in focus."""
    actor, radius = _actor(lot, 0.5), float(lot.rng.uniform(0.005, 0.013))
    return lambda frame, size: defocused(actor_sprite(actor, frame, size, SAMPLES), radius * size[1])


def sharp(lot: Lot) -> Callable[[float, Size], Array]:
    """Hard edges, a pixel wide: to see that nothing is made soft that is not."""
    actor = _actor(lot, 0.5)
    return lambda frame, size: actor_sprite(actor, frame, size, SAMPLES)


KINDS: dict[str, Callable[[Lot], Callable[[float, Size], Array]]] = {
    "hair": hair,
    "fur": fur,
    "motion": motion,
    "defocus": defocus,
    "glass": glass,
    "smoke": cloud,
    "sharp": sharp,
}


def moving_background(rng: np.random.Generator) -> Callable[[float, Size], Array]:
    """A picture larger than the frame, panned and slowly zoomed."""
    kept: dict[Size, Array] = {}
    drift, seed, zoom = rng.uniform(-0.012, 0.012, 2), int(rng.integers(2**31)), float(rng.uniform(-0.002, 0.002))

    def at(frame: float, size: Size) -> Array:
        height, width = size
        if size not in kept:
            large = int(height * MARGIN), int(width * MARGIN)
            kept[size] = photo_like(np.random.default_rng(seed), large)
        scale = 1 + zoom * frame
        x, y = (0.5 * (MARGIN - 1) + float(step) * (frame - FRAMES / 2) for step in drift)
        matrix = np.array([[scale, 0, x * width], [0, scale, y * height]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(kept[size], matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, np.float32)

    return at


def make_clip(kind: str, number: int, seed: int) -> MatteClip:
    """Makes clip ``number`` of a kind; it depends on nothing but the three arguments."""
    rng = np.random.default_rng([seed, number, *kind.encode()])
    return MatteClip(KINDS[kind](Lot(rng, number)), moving_background(rng))
