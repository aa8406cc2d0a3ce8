"""How many clips an hour: vos.batch beside a loop of vos.run over the same clips, in turns.

    python benchmarks/batch.py [--clips 6] [--frames 60] [--turns 2] [--without-learning] [--out outputs/batch]

Renders clips of one object at 854x480. Each turn does all of them by both ways, into fresh folders, and compares masks.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import av
from objects import render
from PIL import Image

SIZE = (480, 854)


def make_clips(folder: Path, count: int, frames: int) -> Path:
    """Renders the clips with their masks, once; returns the table of them."""
    table, rows = folder / f"clips-{count}-{frames}.csv", ["video,ref_mask"]
    for number in range(count):
        path = folder / f"clip{number:03d}-{frames}.mp4"
        rows.append(f"{path.name},{path.stem}.png")
        if not path.exists():
            _render(path, 5 * number, frames)
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


def _render(path: Path, first: int, frames: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(render(first, 1, SIZE)[1]).save(path.with_suffix(".png"))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "veryfast", "crf": "20"})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(first, first + frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(render(index, 1, SIZE)[0], format="rgb24")))
        container.mux(stream.encode(None))


def by_loop(table: Path, out: Path, options: Sequence[str]) -> None:
    """Runs each clip in a command of its own."""
    for line in table.read_text(encoding="utf-8").splitlines()[1:]:
        video, mask = (table.parent / name for name in line.split(","))
        words = [f"video={video}", f"ref_mask={mask}", f"output_dir={out / video.stem}", *options]
        subprocess.run([sys.executable, "-m", "vos.run", *words], check=True, capture_output=True)


def by_batch(table: Path, out: Path, options: Sequence[str]) -> None:
    """Runs all of them in one command."""
    words = [f"manifest={table}", f"output_dir={out}", *options]
    subprocess.run([sys.executable, "-m", "vos.batch", *words], check=True, capture_output=True)


def masks(out: Path) -> dict[str, str]:
    """Hashes of all masks."""
    found = sorted(out.rglob("masks/*.png"))
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the options from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--without-learning", action="store_true", help="tracker.adapt.enabled=false")
    parser.add_argument("--out", type=Path, default=Path("outputs/batch"), help="clips and results")
    arguments = parser.parse_args(argv)
    folder = arguments.out.resolve()
    table = make_clips(folder, arguments.clips, arguments.frames)
    options = ["output=masks", *(["tracker.adapt.enabled=false"] if arguments.without_learning else [])]
    seconds: dict[str, list[float]] = {"loop": [], "batch": []}
    for _ in range(arguments.turns):
        made = {}
        for way, work in (("loop", by_loop), ("batch", by_batch)):
            out = folder / way
            shutil.rmtree(out, ignore_errors=True)
            begin = time.perf_counter()
            work(table, out, options)
            seconds[way].append(time.perf_counter() - begin)
            made[way] = masks(out)
            print(f"{way}: {seconds[way][-1]:.1f} s, {3600 * arguments.clips / seconds[way][-1]:.0f} clips per hour")
        print("masks are equal" if made["loop"] == made["batch"] else "MASKS DIFFER")
    loop, batch = (statistics.median(seconds[way]) for way in ("loop", "batch"))
    print(f"median: {loop:.1f} s by the loop, {batch:.1f} s by the batch: {loop / batch:.2f} times the clips per hour")


if __name__ == "__main__":
    main()
