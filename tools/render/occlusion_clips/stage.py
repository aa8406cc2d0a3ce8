"""The camera: a stage with things on it becomes a frame and its exact label map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt
from raycaster.camera import Camera, CameraPose, Canvas, develop, reduced
from raycaster.textures import DENSITY, FAR, LEFT, NEAR
from raycaster.things import Array, Ellipsoid, Pose, Thing
from raycaster.trace import cast_shadow, trace

from occlusion_clips.panels import Panel

FOCAL = 7 / 6  # focal length, widths of the picture
HALF_WIDTH = 0.5 / FOCAL  # of the view, metres per metre of distance
SKIRT = 12.0, 8.0  # half width and height of the backdrop, metres
SHADOW = 3.0  # no shadow falls farther from a thing than this, metres along either axis


@dataclass(frozen=True)
class Stage:
    """All that keeps still. Shadows of props and panels are painted on the ground once."""

    ground: Array
    backdrop: Array
    props: Sequence[Thing] = ()
    panels: Sequence[Panel] = ()
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)  # gain of red, green, blue
    lit: Array = field(init=False)

    def __post_init__(self) -> None:
        lit = self.ground.copy()
        for thing in self.props:
            shade_ground(lit, thing)
        for panel in self.panels:
            radius = panel.width / 8
            parts = [
                Ellipsoid((x, y, 0.0), (radius, 0.1, 0.25), (0, 0, 0))
                for x in np.linspace(radius - panel.width / 2, panel.width / 2 - radius, 9)
                for y in (0.0, panel.height / 2)
            ]
            shade_ground(lit, Thing(0, parts, Pose(panel.x, panel.z)))
        object.__setattr__(self, "lit", lit)


def draw_thing(camera: Camera, canvas: Canvas, thing: Thing) -> None:
    """Ray-traces a thing unless it is beside or behind the camera."""
    x, z = thing.pose.x - camera.origin[0], thing.pose.z - camera.origin[2]
    if z > NEAR and abs(x) < z:
        trace(camera, canvas, thing)


def draw_panel(camera: Camera, canvas: Canvas, panel: Panel) -> None:
    """Draws a panel, in front of whatever is farther."""
    x0, x1, z = panel.x - panel.width / 2, panel.x + panel.width / 2, panel.z
    world = np.array([[x0, panel.height, z], [x1, panel.height, z], [x1, 0, z], [x0, 0, z]]) - camera.origin
    h, w = panel.alpha.shape
    source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, camera.project(world).astype(np.float32))
    to_ray = camera.to_world @ np.linalg.inv(camera.intrinsics)
    y, x = (np.arange(n, dtype=np.float32) + 0.5 for n in canvas.depth.shape)
    depth = (z - camera.origin[2]) / (to_ray[2, 0] * x[None] + to_ray[2, 1] * y[:, None] + to_ray[2, 2])
    hit = (cv2.warpPerspective(panel.alpha, matrix, camera.size) > 0.5) & (depth < canvas.depth)
    rgb = cv2.warpPerspective(panel.rgb, matrix, camera.size, borderMode=cv2.BORDER_REPLICATE)
    canvas.rgb[hit], canvas.depth[hit], canvas.kinds[hit] = rgb[hit], depth[hit], 0


def shade_ground(lit: Array, thing: Thing) -> None:
    """The shadow of a thing that stands on the ground's texture."""
    if abs(thing.pose.x) < -LEFT - 1.5 and NEAR + 0.5 < thing.pose.z < FAR - 0.5:
        cast_shadow(lit, thing)


@contextmanager
def passing_shadows(lit: Array, things: Sequence[Thing]) -> Iterator[None]:
    """Shadows of things that move, for as long as the ground is drawn: copying all of it takes longer than drawing."""
    saved = []
    for thing in things:
        x, y = (thing.pose.x - LEFT) * DENSITY, (FAR - thing.pose.z) * DENSITY
        reach = SHADOW * DENSITY
        rows, columns = (slice(max(0, int(at - reach)), max(0, int(at + reach))) for at in (y, x))
        saved.append((rows, columns, lit[rows, columns].copy()))
    for thing in things:
        shade_ground(lit, thing)
    yield
    for rows, columns, before in saved:
        lit[rows, columns] = before


def render(
    stage: Stage, things: Sequence[Thing], pose: CameraPose, size: tuple[int, int], samples: int, labels: int
) -> tuple[Array, Array]:
    """One instant: linear RGB (H, W, 3) and the share of each pixel that followed things cover, (``labels``, H, W)."""
    camera = Camera(size, samples, FOCAL, pose)
    canvas = camera.canvas()
    camera.draw_flat(canvas.rgb, stage.backdrop, *SKIRT)
    with passing_shadows(stage.lit, things):
        camera.draw_flat(canvas.rgb, stage.lit, -LEFT, 0.0)
    for panel in stage.panels:
        draw_panel(camera, canvas, panel)
    for thing in (*stage.props, *things):
        draw_thing(camera, canvas, thing)
    cover = np.stack([reduced((canvas.kinds == label + 1).astype(np.float32), size) for label in range(labels)])
    return reduced(canvas.rgb, size) * np.array(stage.light, np.float32), cover


def silhouette(thing: Thing) -> float:
    """The share of the picture that a thing covers on its own."""
    camera = Camera((135, 240), 1, FOCAL, CameraPose())
    canvas = camera.canvas()
    draw_thing(camera, canvas, Thing(1, thing.parts, thing.pose))
    return float((canvas.kinds == 1).mean())


def defocus(picture: Array, sigma: float) -> Array:
    """A picture (H, W, ...) out of focus by ``sigma`` pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32) if sigma > 0.2 else picture


def finished(
    linear: Array, cover: Array, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The frame, uint8 (H, W, 3), and its label map, uint8 (H, W): a pixel is an object's that gives half its light."""
    labels = np.where(cover.max(axis=0) >= 0.5, cover.argmax(axis=0) + 1, 0)
    return develop(linear, rng), labels.astype(np.uint8)
