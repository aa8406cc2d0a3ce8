"""Renders the demo clip: a toy duck on grass, behind a tree and past a look-alike, with its exact masks.

    python tools/render/demo_clip.py outputs/demo

writes clip.mp4 and masks/00000.png ... (palette PNGs: 1 = the duck). Everything comes from one seed: a ray-traced
scene of ellipsoids over two textured planes, sun, shadows, a hand-held camera and film grain. A pixel belongs to
the duck where at least half of its samples do, so the masks are exact and not annotated.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image
from raycaster.camera import Camera, CameraPose, develop, reduced
from raycaster.parts import duck
from raycaster.textures import LEFT, backdrop_texture, ground_texture
from raycaster.things import Array, Ellipsoid, Pose, Thing
from raycaster.trace import cast_shadow, trace
from tqdm import tqdm

WIDTH, HEIGHT, FPS, FRAMES, SEED = 640, 360, 25, 80, 7
SAMPLES = 2  # per pixel and axis
FOCAL = 620 / WIDTH  # focal length, widths of the picture
SKIRT = 12.0, 8.0  # half width and height of the backdrop, metres
DUCK, LOOKALIKE, TREE, STONE = 1, 2, 3, 4


def scene(t: float) -> list[Thing]:
    """Everything that stands on the ground at time ``t`` in 0..1."""
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
        *(Thing(STONE, [stone], Pose(0, 0)) for stone in stones),
        Thing(LOOKALIKE, duck((0.08, 0.30, 0.55), (0.05, 0.18, 0.42), (0.85, 0.85, 0.8)), replace(other, **walk)),
        Thing(DUCK, duck((0.95, 0.62, 0.05), (0.90, 0.45, 0.03), (0.65, 0.03, 0.05)), replace(ours, **walk)),
        Thing(TREE, [root, *trunk], Pose(0.35, 3.3)),
    ]


def render(t: float, ground: Array, backdrop: Array) -> tuple[Array, npt.NDArray[np.uint8]]:
    """One frame: linear RGB (H, W, 3) and the duck's label map (H, W)."""
    shake = [np.sin(2 * np.pi * (f * t + p)) for f, p in ((2.1, 0.1), (3.7, 0.6), (1.6, 0.3))]
    yaw, pitch = -0.06 + 0.12 * t + 0.004 * shake[0] + 0.002 * shake[1], 0.235 + 0.004 * shake[2]
    size = HEIGHT, WIDTH
    camera = Camera(size, SAMPLES, FOCAL, CameraPose(yaw=float(yaw), pitch=float(pitch)))
    things = scene(t)
    lit = ground.copy()
    for thing in things:
        cast_shadow(lit, thing)
    canvas = camera.canvas()
    camera.draw_flat(canvas.rgb, backdrop, *SKIRT)
    camera.draw_flat(canvas.rgb, lit, -LEFT, 0.0)
    for thing in things:
        trace(camera, canvas, thing)
    coverage = reduced((canvas.kinds == DUCK).astype(np.float32), size)
    return reduced(canvas.rgb, size), (coverage >= 0.5).astype(np.uint8)


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
