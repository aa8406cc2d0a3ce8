"""What stands in front: actors of the ray caster, with hair, in a glass ball, or as smoke; colour and exact cover.

A sprite is float32 (H, W, 4): colours in display values 0..1, multiplied by their cover, and the cover, 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from occlusion_clips.clips import Actor
from raycaster.camera import Camera, CameraPose, reduced
from raycaster.textures import fractal_noise
from raycaster.things import Array, Ellipsoid, Thing
from raycaster.trace import trace

FOCAL = 7 / 6  # focal length, widths of the picture
GAMMA = 1 / 2.2
PUFF_DRIFT = 0.012  # metres per frame that smoke rises


@dataclass(frozen=True)
class Coat:
    """Hair on an actor.

    Attributes:
        roots: unit directions from the middle of a part, (K, 3), fixed to it.
        parts: which part each grows on, (K,), as a share of their number.
        bends: how each leans away from straight out, (K, 3).
        length: metres.
        width: of a hair, pixels.
        shades: factor on the part's colour, (K,).
    """

    roots: Array
    parts: Array
    bends: Array
    length: float
    width: float
    shades: Array

    @classmethod
    def grown(cls, rng: np.random.Generator, count: int, length: float, width: float) -> Coat:
        """Grows so many hairs at random places."""
        roots = rng.normal(size=(count, 3))
        roots /= np.linalg.norm(roots, axis=1, keepdims=True)
        parts, bends = rng.uniform(0, 1, count), rng.normal((-0.3, -0.35, 0.0), 0.45, (count, 3))
        shades = rng.uniform(0.55, 1.6, count)
        drawn = [np.asarray(one, np.float32) for one in (roots, parts, bends, shades)]
        return cls(drawn[0], drawn[1], drawn[2], length, width, drawn[3])


def actor_sprite(actor: Actor, frame: float, size: tuple[int, int], samples: int, coat: Coat | None = None) -> Array:
    """Draws an actor at a moment, without anything around it.

    Args:
        actor: who.
        frame: when.
        size: (H, W) of the sprite, pixels.
        samples: per pixel and axis.
        coat: its hair; None = none.
    """
    return thing_sprite(actor.at(frame), size, samples, coat)


def thing_sprite(thing: Thing, size: tuple[int, int], samples: int, coat: Coat | None = None) -> Array:
    """Draws one thing; as :func:`actor_sprite`."""
    camera = Camera(size, samples, FOCAL, CameraPose())
    canvas = camera.canvas()
    trace(camera, canvas, thing)
    hit = np.isfinite(canvas.depth)
    rgba = np.zeros((*hit.shape, 4), np.float32)
    if coat is not None:
        _draw_hair(rgba, camera, thing, coat, samples, is_front=False)
    rgba[hit, :3], rgba[hit, 3] = np.clip(canvas.rgb[hit], 0, 1) ** GAMMA, 1
    if coat is not None:
        _draw_hair(rgba, camera, thing, coat, samples, is_front=True)
    return reduced(rgba, size)


def _draw_hair(rgba: Array, camera: Camera, thing: Thing, coat: Coat, samples: int, is_front: bool) -> None:
    """Draws the hairs that point towards the camera, or those behind the body."""
    rotation, pose = thing.pose.rotation(), thing.pose
    large = [part for part in thing.parts if min(part.radii) > 0.05] or thing.parts
    for number, part in enumerate(large):
        own = (coat.parts * len(large)).astype(int) == number
        normals = coat.roots[own]
        surface = np.array(part.centre) + normals * np.array(part.radii)
        lines = [surface + share * coat.length * (normals + share * coat.bends[own]) for share in (0.0, 0.35, 0.7, 1.0)]
        world = [line @ rotation.T + [pose.x, pose.lift, pose.z] for line in lines]
        facing = (normals @ rotation.T)[:, 2] < 0.1
        chosen = np.flatnonzero(facing == is_front)
        if not len(chosen):
            continue
        paths = np.stack([camera.project(line[chosen]) for line in world], 1)
        light = np.clip(0.55 + 0.45 * (normals @ rotation.T)[chosen, 1], 0.2, 1)
        colours = np.clip(np.array(part.rgb) ** GAMMA * (coat.shades[own][chosen] * light)[:, None], 0.02, 0.98)
        thickness = max(1, round(coat.width * samples))
        for path, colour in zip((paths * 16).round().astype(np.int32), colours):
            cv2.polylines(rgba, [path], False, (*map(float, colour), 1.0), thickness, cv2.LINE_8, 4)


def over(front: Array, back: Array) -> Array:
    """Lays one sprite on another."""
    return np.asarray(front + (1 - front[..., 3:]) * back, np.float32)


def glass_ball(actor: Actor, frame: float, size: tuple[int, int], samples: int, tint: tuple[float, ...]) -> Array:
    """Puts an actor behind the wall of a glass ball, whose rim is opaque, as glass seen along its surface is."""
    inside = actor.at(frame)
    height = actor.model.height * actor.scale
    radius = 0.62 * max(actor.length, height)
    centre = (0.0, 0.5 * height - (0.5 * height if actor.model.flies else 0.0), 0.0)
    red, green, blue = tint
    ball = Thing(1, [Ellipsoid(centre, (radius,) * 3, (red, green, blue), 0.9, 0.0)], inside.pose)
    shell, body = thing_sprite(ball, size, samples), thing_sprite(inside, size, samples)
    whole = shell[..., 3]
    depth = cv2.distanceTransform((whole > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    inward = np.clip(depth / max(float(depth.max()), 1.0), 0, 1)
    cosine = np.sqrt(np.clip(1 - (1 - inward) ** 2, 0, 1))
    glint = np.clip((shell[..., :3].min(-1) - 0.75) * 4, 0, 1)
    share = np.clip(0.42 + 0.55 * (1 - cosine) ** 2 + glint, 0, 1).astype(np.float32)
    return over(shell * share[..., None], body)


def smoke(actor: Actor, frame: float, size: tuple[int, int], noise: Array, tint: tuple[float, ...]) -> Array:
    """Makes a cloud of an actor: thick within, its edge dissolves into wisps that rise.

    Args:
        actor: whose outline the cloud has.
        frame: when.
        size: (H, W) of the sprite, pixels.
        noise: float32, twice as high as the sprite; it moves through the cloud.
        tint: its colour.
    """
    body = actor_sprite(actor, frame, size, 1)[..., 3]
    height, width = size
    rise = round(frame * PUFF_DRIFT * width) % height
    wisps = noise[rise : rise + height]
    wide = 0.022 * width
    soft = cv2.GaussianBlur(body, (0, 0), wide) + 0.35 * cv2.GaussianBlur(body, (0, 0), 2.2 * wide)
    density = np.clip(soft - 0.28 + 0.28 * wisps * (soft > 0.02), 0, None)
    cover = (1 - np.exp(-5.0 * density)).astype(np.float32)
    cover[cover > 0.985] = 1.0
    colours = np.clip(np.array(tint) * (0.85 + 0.25 * wisps[..., None]), 0, 1)
    return np.asarray(np.dstack([colours * cover[..., None], cover]), np.float32)


def wisps(rng: np.random.Generator, size: tuple[int, int]) -> Array:
    """Makes the noise of :func:`smoke`."""
    height, width = size
    return fractal_noise(rng, 2 * height, width, 14, 4)


def defocused(sprite: Array, radius: float) -> Array:
    """Puts a sprite out of focus: every point becomes a disk of a radius in pixels."""
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(cv2.filter2D(sprite, -1, disk / disk.sum(), borderType=cv2.BORDER_REFLECT), np.float32)


def colours_of(sprite: Array) -> npt.NDArray[np.float32]:
    """Divides by the cover; where there is none, colours go on from where there is some."""
    rgb, cover = sprite[..., :3], sprite[..., 3:]
    known = cover > 0.02
    colours = np.where(known, rgb / np.maximum(cover, 1e-4), 0)
    for sigma in (2.0, 8.0, 32.0):
        weights = cv2.GaussianBlur(known.astype(np.float32), (0, 0), sigma)[..., None]
        near = cv2.GaussianBlur(np.where(known, colours, 0), (0, 0), sigma) / np.maximum(weights, 1e-6)
        fresh = ~known & (weights > 1e-3)
        colours, known = np.where(fresh, near, colours), known | fresh
    return np.asarray(np.clip(colours, 0, 1), np.float32)
