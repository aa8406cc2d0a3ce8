"""From measured costs to one million hours of video: core-hours, bytes, files, and how well a simulation foretells.

    python benchmarks/scale.py [--clips 200] [--out outputs/scale] [--write]

Measures batches of rendered clips on two processes: forty short ones, which give the costs; ``--clips`` others, whose
time the simulation has to foretell; and long ones at 854x480 with default options, which give the costs that count.
``--write`` writes docs/scale.csv; then ``make docs``. Nothing else should run meanwhile; it takes six minutes, and goes
on from the batch in which it was interrupted.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np
from figures import ROOT, commit, machine
from objects import render
from PIL import Image
from simulation import Costs, Trouble, simulate

from vos.cli.manifest import read_manifest
from vos.cli.results_place import ResultsPlace

TABLE = ROOT / "docs" / "scale.csv"
SHORT = ("output=[masks]", "report=false", "tracker.adapt.enabled=false")
HOURS, FPS, MINUTES = 1e6, 25, 1.0  # of video, its frames a second, of a clip
WORKERS = 2


@dataclass(frozen=True)
class Measured:
    """A batch that was measured.

    Attributes:
        seconds: all of it.
        clips: (frames, seconds) of each, in the order in which they ended.
        memory: MiB of a process at most.
    """

    seconds: float
    clips: Sequence[tuple[int, float]]
    memory: float

    @property
    def costs(self) -> Costs:
        """Costs that fit best; starting is what the clips do not explain."""
        frames, seconds = np.array(self.clips, dtype=float).T
        frame, clip = np.polyfit(frames, seconds, 1)
        start = self.seconds - seconds.sum() / WORKERS
        return Costs(max(0.0, float(start)), max(0.0, float(clip)), float(frame))

    @property
    def spread(self) -> float:
        """How much the clips differ from the fitted costs, see :class:`simulation.Trouble`."""
        costs = self.costs
        return statistics.pstdev(float(np.log(seconds / costs.of(frames))) for frames, seconds in self.clips)

    @property
    def swing(self) -> float:
        """How many times the seconds of a frame, of a tenth of the clips, are those of another tenth."""
        each = [seconds / self.costs.of(frames) for frames, seconds in self.clips]
        tenths = [statistics.mean(each[k : k + len(each) // 10]) for k in range(0, len(each) - 9, len(each) // 10)]
        return max(tenths) / min(tenths)


def make_clips(folder: Path, name: str, lengths: Sequence[int], size: tuple[int, int]) -> Path:
    """Renders clips of one object with their masks, unless they are there; returns the list of them."""
    rows = ["video,ref_mask"]
    for number, frames in enumerate(lengths):
        path = folder / name / f"{number:03d}-{frames}.mp4"
        rows.append(f"{path.name},{path.stem}.png")
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(render(3 * number, 1, size)[1]).save(path.with_suffix(".png"))
        with av.open(str(path.with_suffix(".partial.mp4")), "w") as container:
            stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "23"})
            (stream.height, stream.width), stream.pix_fmt = size, "yuv420p"
            for index in range(3 * number, 3 * number + frames):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(render(index, 1, size)[0], format="rgb24")))
            container.mux(stream.encode(None))
        path.with_suffix(".partial.mp4").rename(path)
    table = folder / name / "clips.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


def measure(table: Path, out: Path, *options: str) -> Measured:
    """Runs a batch into a fresh folder, unless this commit has done so.

    Raises:
        RuntimeError: a clip failed.
    """
    kept, source = out.with_suffix(".json"), commit()
    if kept.exists() and (known := json.loads(kept.read_text()))["commit"] == source:
        return Measured(known["seconds"], known["clips"], known["memory"])
    shutil.rmtree(out, ignore_errors=True)
    words = [f"manifest={table}", f"output_dir={out}", f"workers={WORKERS}", *options]
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "vos.batch", *words], stdout=subprocess.DEVNULL)
    memory = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, memory))
    watcher.start()
    process.wait()
    seconds = time.perf_counter() - begin
    watcher.join()
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    if process.returncode or any(each["state"] != "done" for each in rows):
        raise RuntimeError(f"the batch of {table} failed with exit code {process.returncode}")
    made = Measured(seconds, [(each["frames"], each["seconds"]) for each in rows], memory[0])
    kept.write_text(json.dumps({"commit": source, **asdict(made)}))
    return made


def _watch(process: subprocess.Popen[bytes], memory: list[float]) -> None:
    """Notes the most memory of a process of a batch, as Linux tells."""
    while process.poll() is None:
        for path in Path("/proc").glob("[0-9]*/status"):
            try:
                about = dict(line.split(":", 1) for line in path.read_text().splitlines())
                if int(about["PPid"]) == process.pid:
                    memory[0] = max(memory[0], int(about["VmHWM"].split()[0]) / 1024)
            except (OSError, KeyError, ValueError):
                continue
        time.sleep(0.2)


def sizes(folder: Path, pattern: str) -> tuple[int, int]:
    """Counts the files of a pattern, and their bytes."""
    found = [path.stat().st_size for path in folder.rglob(pattern) if path.is_file()]
    return len(found), sum(found)


def seconds_per_row(folder: Path, rows: int = 20_000) -> float:
    """Measures how long a row of a list takes to be read."""
    table = folder / "rows.csv"
    lines = (f"{number // 1000}/{number}.mp4,masks/{number}.png" for number in range(rows))
    table.write_text("video,ref_mask\n" + "\n".join(lines), encoding="utf-8")
    begin = time.perf_counter()
    read_manifest(str(table), ResultsPlace(folder / "rows"))
    return (time.perf_counter() - begin) / rows


def costs_of_all(folder: Path, clips: int) -> dict[str, float]:
    """Measures everything; returns figures by their names."""
    draw = random.Random(0)
    lengths = [draw.randint(4, 24) for _ in range(clips)]
    first = measure(
        make_clips(folder, "first", [draw.randint(4, 24) for _ in range(40)], (180, 320)), folder / "a", *SHORT
    )
    table = make_clips(folder, "short", lengths, (180, 320))
    real = measure(table, folder / "b", *SHORT)
    told = simulate(lengths, WORKERS, first.costs, Trouble(first.spread))
    found = {"clips": clips, "frames": sum(lengths), "measured seconds": real.seconds, "foretold seconds": told.seconds}
    own = simulate(lengths, WORKERS, real.costs, Trouble(real.spread))
    found |= {"seconds by its own costs": own.seconds, "swing": real.swing}
    long = make_clips(folder, "long", (30, 120, 30, 120), (480, 854))
    full = measure(long, folder / "c", "output=[masks,rle]")
    frames = sum(count for count, _ in full.clips)
    masks, mask_bytes = sizes(folder / "c", "masks/*.png")
    found |= {"start": first.costs.start, "clip": full.costs.clip, "frame": full.costs.frame, "memory": full.memory}
    found |= {
        "files": masks / frames,
        "mask bytes": mask_bytes / frames,
        "rle bytes": sizes(folder / "c", "rle.json")[1] / frames,
    }
    found |= {"video bytes": sizes(folder / "long", "*.mp4")[1] / frames, "row": seconds_per_row(folder)}
    found |= {
        "other bytes": (sizes(folder / "c", "*.html")[1] + sizes(folder / "c", "summary.json")[1]) / len(full.clips)
    }
    return found


def foretold(found: dict[str, float], clips: int = 60_000, workers: int = 100) -> dict[str, float]:
    """Simulates a thousandth of a million hours with everything that goes wrong, in shards and from one list."""
    costs = Costs(found["start"], found["clip"], found["frame"])
    draw = random.Random(1)
    frames = [60 * FPS * MINUTES * draw.lognormvariate(-0.5, 1) for _ in range(clips)]  # a mean of one minute
    ideal = sum(map(costs.of, frames)) / workers
    trouble = Trouble(spread=0.1, slow=(0.05, 1.5), losses=1 / 100)
    both = {
        "shards": simulate(frames, workers, costs, trouble, shards=True),
        "list": simulate(frames, workers, costs, trouble),
    }
    made = {f"{name} time": each.seconds / ideal for name, each in both.items()}
    return {**made, "lost": both["list"].lost / both["list"].busy}


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the options from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=200, help="short clips whose time is foretold")
    parser.add_argument("--out", type=Path, default=Path("outputs/scale"), help="clips and results")
    parser.add_argument("--write", action="store_true", help="write docs/scale.csv")
    arguments = parser.parse_args(argv)
    folder = arguments.out.resolve()
    found = costs_of_all(folder, arguments.clips)
    found |= foretold(found)
    rows = [
        {"figure": name, "value": f"{value:.6g}", "commit": commit(), "machine": machine()}
        for name, value in found.items()
    ]
    for row in rows:
        print(f"{row['figure']}: {row['value']}")
    if arguments.write:
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
