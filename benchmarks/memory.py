"""Does memory stay constant however long the video is? Peak resident memory of a short and of a long clip.

    python benchmarks/memory.py [--frames 200 5000] [--through program|iterator|generator] [option=value ...]

Makes two clips of a moving square, follows it in each in a process of its own, with the options given, and prints the
peaks and their difference: through ``python -m vos.run``, through the iterator of ``vos.track`` on the file, or on a
generator of its pictures. Ends with status 1 if they differ by 10 % or more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

HEIGHT, WIDTH, SIDE = 144, 192, 40
BOX = (WIDTH - SIDE, 50, SIDE, SIDE)  # of the square in the first frame: x, y, width, height
LIMIT = 0.10
THROUGH_PYTHON = """
import sys, numpy, vos
from vos.io.frames import open_frames
clip, mask, through, *words = sys.argv[1:]
options = {name: int(value) if value.isdigit() else value for name, _, value in (word.partition("=") for word in words)}
frames = clip if through == "iterator" else (frame.rgb for frame in open_frames(clip))
seen = sum(bool(result[1].mask.any()) for result in vos.track(frames, mask, options=options))
print(seen, "frames with the object")
"""


def pictures(frames: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Draws a striped square that bounces over noise, from the right edge on, BOX."""
    noise = np.random.default_rng(0).integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    square[:, ::4], square[:, 1::4] = (230, 60, 30), (250, 210, 60)
    for index in range(frames):
        image = noise.copy()
        x = abs(index % (2 * (WIDTH - SIDE)) - (WIDTH - SIDE))
        image[BOX[1] : BOX[1] + SIDE, x : x + SIDE] = square
        yield image


def make_clip(path: Path, frames: int) -> None:
    """Writes a clip of the square, and the mask of its first frame beside it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = HEIGHT, WIDTH, "yuv420p"
        for image in pictures(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[BOX[1] : BOX[1] + SIDE, BOX[0] :] = 255
    Image.fromarray(mask).save(path.with_suffix(".png"))


def peak_memory(clip: Path, through: str, options: list[str]) -> float:
    """Peak resident memory in MiB of following the square in a clip."""
    mask = clip.with_suffix(".png")
    if through == "program":
        words = [f"video={clip}", f"ref_mask={mask}", f"output_dir={clip.parent / clip.stem}"]
        command = ["-m", "vos.run", *words, "output=[masks,overlay,rle]"]
    else:
        command = ["-c", THROUGH_PYTHON, str(clip), str(mask), through]
    process = subprocess.Popen([sys.executable, *command, *options])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"following the square in {clip} failed")
    return usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Reads the options from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Peak memory of a short and of a long clip.")
    parser.add_argument("--frames", type=int, nargs=2, default=(200, 5000), metavar=("SHORT", "LONG"))
    parser.add_argument("--through", choices=("program", "iterator", "generator"), default="program")
    parser.add_argument("options", nargs="*", help="options of vos.run")
    arguments = parser.parse_args()
    options = ["model.input_size=256", *arguments.options]
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for count in arguments.frames:
            clip = Path(folder) / f"{count}.mp4"
            make_clip(clip, count)
            peaks.append(peak_memory(clip, arguments.through, options))
    short, long = peaks
    difference = long / short - 1
    for count, peak in zip(arguments.frames, peaks):
        print(f"{count:6d} frames: peak resident memory {peak:7.1f} MiB")
    print(f"difference {difference:+.1%} (limit {LIMIT:.0%})")
    return int(abs(difference) >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
