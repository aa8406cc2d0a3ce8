"""Frames per second for one object and for many: ``python -m vos.run`` on rendered clips of 854x480.

    python benchmarks/objects.py [--objects 1 2 5 10] [--frames 100] [option=value ...]

Every object is a ball with a texture of its own that moves before coloured noise; all of them are in sight all the
time. Prints the rate after the reference has been learned, and the seconds of learning.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

HEIGHT, WIDTH = 480, 854
COLUMNS, RADIUS, SWAY = 5, 55, 22  # balls in a row; pixels


def texture(seed: int, size: tuple[int, int], cells: int) -> npt.NDArray[np.uint8]:
    """Smooth coloured noise, uint8 (H, W, 3); ``cells`` patches along each side."""
    noise = np.random.default_rng(seed).integers(30, 226, (cells, cells, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def render(
    index: int, objects: int, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """One frame, uint8 (H, W, 3), and its label map, uint8 (H, W)."""
    (height, width), scale = size, size[0] / HEIGHT
    frame = texture(0, size, 24) // 3
    labels = np.zeros(size, np.uint8)
    rows = -(-objects // COLUMNS)
    for k in range(objects):
        phase = 0.15 * index + k
        x = round((k % COLUMNS + 0.5) * width / COLUMNS + scale * SWAY * np.cos(phase))
        y = round((k // COLUMNS + 0.5) * height / rows + scale * SWAY * np.sin(phase))
        ball = np.zeros(size, np.uint8)
        cv2.circle(ball, (x, y), round(scale * RADIUS), (1,), -1)
        skin = np.roll(texture(k + 1, size, 40), (y, x), axis=(0, 1))
        frame[ball > 0] = skin[ball > 0]
        labels[ball > 0] = k + 1
    return frame, labels


def make_clip(path: Path, objects: int, frames: int) -> None:
    """Writes a clip, and the mask of its first frame beside it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "18"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for index in range(frames):
            frame, labels = render(index, objects)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            if index == 0:
                Image.fromarray(labels).save(path.with_suffix(".png"))
        container.mux(stream.encode())


def measure(clip: Path, options: list[str]) -> tuple[float, float, float]:
    """Frames per second, seconds of learning, and the share of objects and frames that were present."""
    folder = clip.parent / clip.stem
    words = [f"video={clip}", f"ref_mask={clip.with_suffix('.png')}", f"output_dir={folder}", "output=[masks]"]
    command = [sys.executable, "-m", "vos.run", *words, *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    summary = json.loads((folder / "summary.json").read_text())
    seen = [one["presence"] == "present" for row in summary["frames"] for one in row["objects"].values()]
    return summary["frames_per_second"], summary["timings_seconds"]["learn"], sum(seen) / len(seen)


def main() -> None:
    """Reads the options from the command line and prints a row per number of objects."""
    parser = argparse.ArgumentParser(description="Frames per second for one object and for many.")
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 2, 5, 10])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("options", nargs="*", help="options of vos.run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for objects in arguments.objects:
            clip = Path(folder) / f"{objects}.mp4"
            make_clip(clip, objects, arguments.frames)
            rate, learning, present = measure(clip, arguments.options)
            print(
                f"{objects:3d} objects: {rate:5.1f} frames per second after {learning:.1f} s of learning; "
                f"{present:.0%} of them present",
                flush=True,
            )


if __name__ == "__main__":
    main()
