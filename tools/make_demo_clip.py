"""Renders the demo clip: a toy duck on grass, behind a tree and past a look-alike, with its exact masks.

    python tools/make_demo_clip.py outputs/demo

writes clip.mp4 and masks/00000.png ... (palette PNGs: 1 = the duck). Everything comes from one seed: a ray-traced
scene of ellipsoids over two textured planes, sun, shadows, a hand-held camera and film grain. A pixel belongs to
the duck where at least half of its samples do, so the masks are exact and not annotated.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

Array = npt.NDArray[np.float32]

WIDTH, HEIGHT, FPS, FRAMES, SEED = 640, 360, 25, 80, 7
SAMPLES = 2  # per pixel and axis
FOCAL = 620.0  # pixels
CAMERA = np.array([0.0, 1.35, 0.0], np.float32)  # metres; x right, y up, z forward
SUN = np.array([-0.55, 0.75, -0.38], np.float32) / np.linalg.norm([-0.55, 0.75, -0.38])
DENSITY = 110  # texture pixels per metre of ground
LEFT, NEAR, FAR = -8.5, 1.5, 13.0  # extent of the ground, metres
DUCK, LOOKALIKE, TREE, STONE = 1, 2, 3, 4


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


def duck(body: tuple[float, float, float], wing: tuple[float, float, float], scarf: tuple[float, float, float]) -> list:
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


def fractal_noise(rng: np.random.Generator, height: int, width: int, cells: int, octaves: int) -> Array:
    """Value noise (height, width) in about -1..1, from ``cells`` cells across, halving per octave."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        across = cells * 2**octave
        grid = rng.uniform(-1, 1, (max(2, across * height // width), across)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return total


def ground_texture(rng: np.random.Generator) -> Array:
    """Grass with a worn path and daisies, linear RGB (z, x, 3), nearest row last."""
    height, width = int((FAR - NEAR) * DENSITY), int(-2 * LEFT * DENSITY)
    blades = fractal_noise(rng, height, width, 90, 5)[..., None]
    patches = fractal_noise(rng, height, width, 6, 4)[..., None]
    grass = np.array([0.16, 0.25, 0.06]) * (1 + 0.45 * blades + 0.3 * patches) + patches * [0.03, 0.015, 0.0]
    soil = np.array([0.34, 0.25, 0.16]) * (1 + 0.3 * blades)
    z = np.linspace(FAR, NEAR, height, dtype=np.float32)[:, None, None]
    worn = np.clip((0.55 - np.abs(z - 4.6 - 0.35 * patches)) * 4, 0, 0.85)
    texture = np.clip(grass * (1 - worn) + soil * worn, 0.01, 1).astype(np.float32)
    for x, y in rng.integers(0, (width, height), (260, 2)):
        cv2.circle(texture, (int(x), int(y)), int(rng.integers(2, 5)), (0.85, 0.83, 0.75), -1, cv2.LINE_AA)
    return texture


def backdrop_texture(rng: np.random.Generator) -> Array:
    """Hedges under a sky, linear RGB (y, x, 3), top row first; 8 m high, at z = FAR."""
    height, width = 720, 2160
    y = np.linspace(8, 0, height, dtype=np.float32)[:, None]
    clouds = np.clip(fractal_noise(rng, height, width, 7, 5) - 0.1, 0, 1)[..., None]
    sky = np.array([0.25, 0.45, 0.8]) + 0.04 * (8 - y[..., None]) * np.array([1, 0.8, 0.3])
    picture = sky * (1 - clouds) + clouds * 0.9
    leaves = fractal_noise(rng, height, width, 70, 5)
    for top, rgb in ((2.3, (0.10, 0.17, 0.10)), (1.5, (0.07, 0.14, 0.03))):
        edge = top + 0.5 * fractal_noise(rng, height, width, 9, 6)[:1] + 0.08 * leaves
        hedge = np.array(rgb) * (1 + 0.55 * leaves[..., None]) * (0.55 + 0.25 * y[..., None])
        picture = np.where((y < edge)[..., None], hedge, picture)
    return np.clip(picture, 0.01, 1).astype(np.float32)


class Camera:
    """A pinhole camera at ``CAMERA``, sampled SAMPLES times per pixel."""

    def __init__(self, yaw: float, pitch: float) -> None:
        cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
        self.to_world = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array(
            [[1, 0, 0], [0, cp, -sp], [0, sp, cp]]
        )  # columns: right, up, ahead
        focal = FOCAL * SAMPLES
        self.size = (WIDTH * SAMPLES, HEIGHT * SAMPLES)
        self.intrinsics = np.array([[focal, 0, self.size[0] / 2], [0, -focal, self.size[1] / 2], [0, 0, 1]])

    def project(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """World points (N, 3) to samples (N, 2) as (x, y)."""
        homogeneous = (points - CAMERA) @ (self.intrinsics @ self.to_world.T).T
        return homogeneous[:, :2] / homogeneous[:, 2:]

    def draw_plane(self, canvas: Array, texture: Array, corners: npt.NDArray[np.floating]) -> None:
        """Paints a texture; its corners, clockwise from the top left, lie at world points (4, 3)."""
        h, w = texture.shape[:2]
        source = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, self.project(corners).astype(np.float32))
        cv2.warpPerspective(texture, matrix, self.size, dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)

    def window(self, points: npt.NDArray[np.floating]) -> tuple[slice, slice]:
        """The samples, (rows, columns), that the hull of world points (N, 3) can cover."""
        seen = self.project(points)
        (x0, y0), (x1, y1) = (np.clip(edge, 0, self.size).astype(int) for edge in (seen.min(0), seen.max(0) + 1))
        return slice(y0, y1), slice(x0, x1)


@dataclass
class Canvas:
    """What the camera has seen so far, per sample: linear RGB, distance, kind of thing."""

    rgb: Array
    depth: Array
    kinds: npt.NDArray[np.uint8]


def trace(camera: Camera, canvas: Canvas, kind: int, parts: list[Ellipsoid], pose: Pose) -> None:
    """Ray-traces one thing onto the canvas, in front of whatever is farther."""
    rotation = pose.rotation()
    origin = np.array([pose.x, pose.lift, pose.z])
    to_ray = camera.to_world @ np.linalg.inv(camera.intrinsics)  # times (x, y, 1)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    for part in parts:
        centre = rotation @ np.array(part.centre) + origin
        window = camera.window(centre + corners * part.radii @ rotation.T)
        y, x = (np.arange(edge.start, edge.stop, dtype=np.float32) + 0.5 for edge in window)
        inverse = rotation.T / np.array(part.radii)[:, None]  # world to unit sphere
        start, slopes = inverse @ (CAMERA - centre), (inverse @ to_ray).astype(np.float32)
        step = [k[0] * x[None] + (k[1] * y[:, None] + k[2]) for k in slopes]
        a = step[0] ** 2 + step[1] ** 2 + step[2] ** 2
        b = sum(float(s) * axis for s, axis in zip(start, step))
        root = b * b - a * float(start @ start - 1)
        distance = (-b - np.sqrt(np.maximum(root, 0))) / a
        rise = to_ray[1, 0] * x[None] + (to_ray[1, 1] * y[:, None] + to_ray[1, 2])
        hit = (root > 0) & (distance < canvas.depth[window]) & (CAMERA[1] + distance * rise > 0)
        rows, columns = np.nonzero(hit)
        if len(rows):
            on_sphere = start + np.stack([axis[hit] for axis in step], -1) * distance[hit, None]
            rays = np.stack([x[columns], y[rows], np.ones(len(rows))], -1) @ to_ray.T
            canvas.rgb[window][hit] = shade(part, on_sphere, on_sphere @ inverse, rays)
            canvas.depth[window][hit], canvas.kinds[window][hit] = distance[hit], kind


def shade(part: Ellipsoid, on_sphere: Array, normal: Array, ray: Array) -> Array:
    """Sun, sky, bounce from the grass, gloss, and a grain painted on the surface. All (K, 3)."""
    normal = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    bent = on_sphere + 0.25 * np.sin(on_sphere[:, [1, 2, 0]] * 9)
    waves = np.sin(bent @ np.array([[17.0, 5, 9, 31], [-6, 21, 11, -37], [4, -13, 27, 23]], np.float32)).sum(-1)
    albedo = np.array(part.rgb) * (1 + part.grain * waves / 2)[:, None]
    sun = np.maximum(normal @ SUN, 0)[:, None] * np.array([1.05, 1.0, 0.9])
    up = normal[:, 1:2]
    sky = (0.5 + 0.5 * up) * np.array([0.28, 0.33, 0.42]) + (0.5 - 0.5 * up) * np.array([0.10, 0.12, 0.04])
    halfway = SUN - ray / np.linalg.norm(ray, axis=-1, keepdims=True)
    halfway = halfway / np.linalg.norm(halfway, axis=-1, keepdims=True)
    glint = part.gloss * np.maximum((normal * halfway).sum(-1), 0) ** 40
    return np.asarray(albedo * (sun + sky) + glint[:, None], np.float32)


def cast_shadow(lit: Array, parts: list[Ellipsoid], pose: Pose) -> None:
    """Darkens the ground texture beside a thing, with soft edges, away from the sun."""
    points = np.array([part.centre for part in parts]) @ pose.rotation().T + [pose.x, pose.lift, pose.z]
    spots = points[:, [0, 2]] - points[:, 1:2] * SUN[[0, 2]] / SUN[1]
    spots = ((spots - [LEFT, FAR]) * [DENSITY, -DENSITY]).astype(int)
    reach = int((max(max(part.radii[0], part.radii[2]) for part in parts) + 0.2) * DENSITY)
    (x0, y0), (x1, y1) = np.maximum(spots.min(0) - reach, 0), spots.max(0) + reach
    window = lit[y0:y1, x0:x1]
    dark = np.zeros(window.shape[:2], np.float32)
    for part, spot in zip(parts, spots):
        axes = int(part.radii[0] * 1.05 * DENSITY), int(part.radii[2] * 1.1 * DENSITY)
        at = int(spot[0] - x0), int(spot[1] - y0)
        cv2.ellipse(dark, at, axes, np.degrees(-pose.heading), 0, 360, 1.0, -1, cv2.LINE_AA)
    window *= (1 - 0.65 * cv2.GaussianBlur(dark, (0, 0), 5))[..., None]


def scene(t: float) -> list[tuple[int, list[Ellipsoid], Pose]]:
    """Everything that stands on the ground at time ``t`` in 0..1, as (kind, parts, pose)."""
    steps = 2 * np.pi * 7 * t
    ours = Pose(-1.95 + 3.75 * t, 4.7 - 0.55 * np.sin(np.pi * t * 1.3), -0.1 + 0.55 * np.sin(2 * np.pi * t * 0.8))
    other = Pose(-0.3 - 1.9 * t, 5.75, np.pi + 0.15 * np.sin(6 * t))
    walk = {"tilt": 0.09 * np.sin(steps), "lift": 0.02 * abs(np.sin(steps))}
    trunk = [Ellipsoid((0, 1.2, 0), (0.41, 6.0, 0.36), (0.22, 0.15, 0.10), gloss=0.0, grain=0.55)]
    root = Ellipsoid((0, 0.0, 0), (0.55, 0.22, 0.5), (0.20, 0.14, 0.09), gloss=0.0, grain=0.55)
    stones = [
        Ellipsoid((x, 0.02, z), (r, 0.55 * r, 0.8 * r), (0.4, 0.38, 0.36), gloss=0.02, grain=0.35)
        for x, z, r in ((-1.7, 6.8, 0.3), (-2.6, 7.4, 0.45), (1.9, 7.6, 0.35), (2.5, 3.3, 0.2), (-1.0, 3.0, 0.13))
    ]
    return [
        *((STONE, [stone], Pose(0, 0)) for stone in stones),
        (LOOKALIKE, duck((0.08, 0.30, 0.55), (0.05, 0.18, 0.42), (0.85, 0.85, 0.8)), replace(other, **walk)),
        (DUCK, duck((0.95, 0.62, 0.05), (0.90, 0.45, 0.03), (0.65, 0.03, 0.05)), replace(ours, **walk)),
        (TREE, [root, *trunk], Pose(0.35, 3.3)),
    ]


def render(t: float, ground: Array, backdrop: Array) -> tuple[Array, npt.NDArray[np.uint8]]:
    """One frame: linear RGB (H, W, 3) and the duck's label map (H, W)."""
    shake = [np.sin(2 * np.pi * (f * t + p)) for f, p in ((2.1, 0.1), (3.7, 0.6), (1.6, 0.3))]
    camera = Camera(-0.06 + 0.12 * t + 0.004 * shake[0] + 0.002 * shake[1], 0.235 + 0.004 * shake[2])
    things = scene(t)
    lit = ground.copy()
    for _, parts, pose in things:
        cast_shadow(lit, parts, pose)
    size = HEIGHT * SAMPLES, WIDTH * SAMPLES
    canvas = Canvas(np.zeros((*size, 3), np.float32), np.full(size, np.inf, np.float32), np.zeros(size, np.uint8))
    camera.draw_plane(canvas.rgb, backdrop, np.array([[-12, 8, FAR], [12, 8, FAR], [12, 0, FAR], [-12, 0, FAR]]))
    camera.draw_plane(canvas.rgb, lit, np.array([[LEFT, 0, FAR], [-LEFT, 0, FAR], [-LEFT, 0, NEAR], [LEFT, 0, NEAR]]))
    for kind, parts, pose in things:
        trace(camera, canvas, kind, parts, pose)
    coverage = cv2.resize((canvas.kinds == DUCK).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    linear = cv2.resize(canvas.rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(linear, np.float32), (coverage >= 0.5).astype(np.uint8)


def develop(linear: Array, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Linear light to sRGB with a little film grain, uint8 (H, W, 3)."""
    display = np.clip(linear, 0, 1) ** (1 / 2.2) + rng.normal(0, 0.012, linear.shape)
    return (np.clip(display, 0, 1) * 255 + 0.5).astype(np.uint8)


def make_clip(folder: Path, frames: int = FRAMES) -> None:
    """Writes ``folder``/clip.mp4 and ``folder``/masks/00000.png ..., the same bytes every time.

    Fewer frames take the same path in longer steps.
    """
    rng = np.random.default_rng(SEED)
    ground, backdrop = ground_texture(rng), backdrop_texture(rng)
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    with av.open(str(folder / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"crf": "16", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in tqdm(range(frames), desc="demo clip", unit="frame"):
            linear, labels = render(index / max(frames - 1, 1), ground, backdrop)
            picture = av.VideoFrame.from_ndarray(develop(linear, rng), format="rgb24")
            container.mux(stream.encode(picture))
            png = Image.fromarray(labels, mode="P")
            png.putpalette([0, 0, 0, 236, 95, 103])
            png.save(folder / "masks" / f"{index:05d}.png")
        container.mux(stream.encode())


def main() -> None:
    """Reads the folder from the command line."""
    parser = argparse.ArgumentParser(description="Renders the demo clip with its exact masks.")
    parser.add_argument("folder", type=Path, help="where clip.mp4 and masks/ are written")
    make_clip(parser.parse_args().folder)


if __name__ == "__main__":
    main()
