"""The kinds of clips: how objects get lost and come back, or are parted, of themselves or of others.

Every function takes the lot of one clip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from raycaster.camera import CameraPose

from occlusion_clips.clips import Actor, Clip, Path, Place, Shot, walk
from occlusion_clips.models import MODELS
from occlusion_clips.panels import Panel, make_panel
from occlusion_clips.stage import Stage
from occlusion_clips.staging import WALKERS, Lot, across, regraded

FRAMES = 54
LONGEST = 1.0  # metres, of someone who walks behind something with room beside it
FAST_STEP = 1.25  # of its own length per frame
Camera = Callable[[float], CameraPose]


def hidden_walk(lot: Lot, share: float, z: float, hold: int, offset: int) -> tuple[Actor, Stage]:
    """Someone walks behind something, stays for ``hold`` frames, and comes out on either side."""
    side, model = lot.side(), lot.pick(WALKERS, offset)
    middle = 0.06 * across(z) * float(lot.rng.uniform(-1, 1))
    onward = lot.side() * side
    here = lot.actor(model, walk((0, -0.2, z)), share)
    here = replace(here, scale=here.scale * min(1.0, LONGEST / here.length))
    hides = 1.06 * here.length + 0.15
    edge = 0.56 * hides + 0.5 * here.length + 0.15  # from the middle of what hides to where the actor is clear of it
    far = max(edge + 0.1, 0.62 * across(z))
    path = walk(
        (0, middle - side * far, z), (6, middle - side * edge, z), (15, middle, z), (15 + hold, middle, z + 0.1),
        (24 + hold, middle + onward * edge, z), (FRAMES + 4, middle + onward * far, z - 0.2),
    )  # fmt: skip
    actor = replace(here, path=path)
    height = 0.45 + MODELS[model].height * here.scale + 0.18 * abs(1.35 - MODELS[model].height * here.scale)
    panel = lot.panel(offset, middle, 0.7 * z, hides, z, height)
    return actor, lot.stage(offset, (panel,))


def long_occlusion(lot: Lot) -> Clip:
    """Fully behind something for 15 frames or more."""
    actor, stage = hidden_walk(lot, 0.032, 5.0, int(lot.rng.integers(15, 19)), 0)
    return one_shot(stage, [actor, lot.passer_by(actor)], lot.camera())


def small(lot: Lot) -> Clip:
    """One percent of the frame, occluded once."""
    actor, stage = hidden_walk(lot, 0.0105, 5.8, int(lot.rng.integers(6, 10)), 4)
    return one_shot(stage, [actor, lot.passer_by(actor)], lot.camera())


def heavy_blur(lot: Lot) -> Clip:
    """Out of focus while it disappears and while it returns."""
    hold = int(lot.rng.integers(6, 10))
    actor, stage = hidden_walk(lot, 0.034, 5.0, hold, 2)
    peak = float(lot.rng.uniform(0.009, 0.012))

    def blur(frame: float) -> float:
        return float(peak * max(np.exp(-(((frame - at) / 6) ** 4)) for at in (11.0, 19.0 + hold)))

    return one_shot(stage, [actor, lot.passer_by(actor)], lot.camera(), blur)


def exit_and_return(lot: Lot) -> Clip:
    """Out of the frame, and in again elsewhere."""
    side, z, z_back = lot.side(), 5.2, float(lot.rng.uniform(4.6, 6.2))
    here = lot.actor(lot.pick(WALKERS, 3), walk((0, -0.2, z)), 0.035)
    away = 0.6 * here.length + 0.45
    back = -side if lot.number % 2 == 0 else side
    out = walk((0, -0.45 * side * across(z), z), (18, side * (across(z) + away), z), (60, side * (across(z) + 4), z))
    again = walk(
        (0, back * (across(z_back) + 4), z_back), (32, back * (across(z_back) + away), z_back),
        (44, back * 0.4 * across(z_back), z_back), (60, -back * 0.3 * across(z_back), z_back - 0.3),
    )  # fmt: skip
    actor = replace(here, path=lambda frame: out(frame) if frame < 25 else again(frame))
    return one_shot(lot.stage(3), [actor, lot.passer_by(actor)], lot.camera())


def crossing_twins(lot: Lot) -> Clip:
    """Two followed look-alikes cross: behind something, in the open, in the open and back again."""
    variant, side, near, far = lot.number % 3, lot.side(), 4.7, 5.3
    model = lot.pick(WALKERS, 1)
    first = lot.actor(model, walk((0, -0.2, near)), 0.026)
    twin = first.palette.shifted(lot.rng)
    span = 0.62
    keys: tuple[tuple[float, float], ...]
    if variant == 2:
        keys = ((0, -1), (24, 1), (30, 1), (56, -1))
    else:
        keys = ((0, -1), (14, -0.45), (38, 0.45), (56, 1)) if variant == 0 else ((0, -1), (56, 1))
    one = walk(*((frame, side * span * share * across(near), near) for frame, share in keys))
    two = walk(*((frame, -side * span * share * across(far), far) for frame, share in keys))
    actors = [replace(first, path=one), replace(first, label=2, palette=twin, path=two)]
    panels: tuple[Panel, ...] = ()
    if variant == 0:
        height = 0.5 + MODELS[model].height * first.scale
        panels = (lot.panel(1, 0.0, 3.4, 1.25 * first.length, far, height),)
    return one_shot(lot.stage(1, panels), actors, lot.camera())


def scene_cut(lot: Lot) -> Clip:
    """A cut to another place without the object for 20 frames, and back in other light."""
    side, z = lot.side(), 5.0
    here = lot.actor(lot.pick(WALKERS, 5), walk((0, -0.2, z)), 0.036)
    path = walk(
        (0, -0.6 * side * across(z), z), (30, 0.1 * side * across(z), z + 0.4), (60, 0.65 * side * across(z), z)
    )
    actor = replace(here, path=path)
    stage, camera = lot.stage(5), lot.camera()

    def later(frame: float) -> CameraPose:
        pose = camera(frame)
        return replace(pose, x=pose.x + 0.2 * side, yaw=pose.yaw + 0.03 * side, pitch=pose.pitch + 0.02)

    others = [lot.passer_by(actor), lot.passer_by(actor)]
    here_again = Shot(regraded(stage, lot.rng), [actor, others[0]], later)
    elsewhere = Shot(lot.stage(7), [others[1]], lot.camera())
    return Clip("", FRAMES, ((0, Shot(stage, [actor, others[0]], camera)), (18, elsewhere), (38, here_again)))


def fast(lot: Lot) -> Clip:
    """In circles through the air, more than its own length per frame; short times out of sight."""
    z, centre = 5.2, (0.0, 0.75)
    model, exits = ("bee", "ball")[lot.number % 2], lot.number % 3 == 1
    here = lot.actor(model, lambda frame: (0.0, z, centre[1]), 0.0042)
    radii = 0.78 * across(z), 0.42
    side = lot.side()
    if exits:
        centre = (0.45 * side * across(z), 0.75)
    path = loop((centre[0], z, centre[1]), radii, FAST_STEP * here.length, -side)
    actor = replace(here, path=path)
    hides = here.length + 1.4 * FAST_STEP * here.length
    x = 0.15 * across(z) * side
    panels = () if exits else (lot.panel(lot.number * 2, x, 3.9, hides, z, 1.75),)
    return one_shot(lot.stage(2, panels), [actor], lot.camera(0.1, 0.5), shutter=0.15)


def leaving_twin(lot: Lot) -> Clip:
    """A look-alike that is not followed comes out from behind the object and walks away."""
    side, near, far = lot.side(), 4.7, 5.0
    here = lot.actor(lot.pick(WALKERS, 6), walk((0, -0.2, near)), 0.034)
    leaves = float(lot.rng.uniform(8, 14))
    start, middle, end = -0.3, -0.12, 0.6  # shares of half the view
    one = ((0.0, start), (leaves, middle), (56.0, end))
    two = ((0.0, start), (leaves, middle), (leaves + 6, middle - 0.03), (56.0, -0.75))
    paths = [walk(*((at, side * x * across(z), z) for at, x in keys)) for keys, z in ((one, near), (two, far))]
    # A little smaller: from where the camera is, it would show above the other one's back.
    twin = replace(here, label=0, path=paths[1], scale=0.88 * here.scale, palette=here.palette.shifted(lot.rng))
    return one_shot(lot.stage(6), [replace(here, path=paths[0]), twin], lot.camera())


def split_by_poles(lot: Lot) -> Clip:
    """Walks along behind poles that part it, and is never hidden as a whole."""
    side, z = lot.side(), 5.0
    here = lot.actor(lot.pick(WALKERS, 2), walk((0, -0.2, z)), 0.045)
    far = 0.62 * across(z)
    path = walk((0, -side * far, z), (12, -side * 0.6 * far, z), (44, side * 0.6 * far, z), (58, side * far, z))
    at, height = 0.72 * z, 0.35 + here.model.height * here.scale
    length, style = 0.72 * here.length, ("wall", "fence")[lot.number % 2]  # as it looks beside the poles
    poles = [make_panel(style, k * length / 2, at, 0.14 * length, height, lot.rng) for k in (-1, 0, 1)]
    return one_shot(lot.stage(4, tuple(poles)), [replace(here, path=path), lot.passer_by(here)], lot.camera())


def loop(centre: Place, radii: tuple[float, float], step: float, turn: int) -> Path:
    """Around an upright ellipse, ``step`` metres per frame, from its right end (``turn`` 1) or its left one (-1)."""
    angles = np.linspace(0, 2 * np.pi, 721)
    points = np.stack([radii[0] * np.cos(angles), radii[1] * np.sin(angles)], 1)
    way = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])

    def at(frame: float) -> Place:
        done = (frame * step) % way[-1]
        x, y = np.interp(done, way, points[:, 0]), np.interp(done, way, points[:, 1])
        return float(centre[0] + turn * x), centre[1], float(max(centre[2] + y, 0.0))

    return at


def one_shot(
    stage: Stage,
    actors: list[Actor],
    camera: Camera,
    blur: Callable[[float], float] = lambda frame: 0.0,
    shutter: float = 0.0,
) -> Clip:
    """A clip without a cut."""
    return Clip("", FRAMES, ((0, Shot(stage, actors, camera, blur, shutter)),))


KINDS: dict[str, Callable[[Lot], Clip]] = {
    "long_occlusion": long_occlusion,
    "exit_and_return": exit_and_return,
    "crossing_twins": crossing_twins,
    "scene_cut": scene_cut,
    "small": small,
    "fast": fast,
    "heavy_blur": heavy_blur,
    "leaving_twin": leaving_twin,
    "split_by_poles": split_by_poles,
}


def make_clip(kind: str, number: int, seed: int) -> Clip:
    """Clip ``number`` of a kind; it depends on nothing but the three arguments."""
    rng = np.random.default_rng([seed, number, *kind.encode()])
    return replace(KINDS[kind](Lot(rng, number)), name=f"{kind}-{number}")
