"""Inputs that change after a run or between two halves of one: the results are those of the new inputs."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path

import numpy as np
from PIL import Image

from faulting import scene
from faulting.bench import Bench
from faulting.fault import Fault
from faulting.judge import RIGHT, Verdict
from faulting.kinds import Choice, Kind
from faulting.kinds.kills import difference, digest

Words = list[str]
INPUTS = {  # what is given -> the words of the run
    "folder": ["video=frames", "ref_mask=m0.png"],
    "pattern": ["video=frames/*.png", "ref_mask=m0.png"],
    "video": ["video=clip.mp4", "ref_mask=m0.png"],
    "mask": ["video=frames", "ref_mask=m0.png"],
    "concept": ["video=frames", "concept=rex.concept"],
}
CHANGES = ("another picture", "all pictures", "one more", "one less", "another order")


def attempt_video(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """The same command after a change of its input gives what a first run on that input gives, or one line."""
    words = [*INPUTS[choice["input"]], f"output={choice['output']}"]
    for name in ("frames", "clip.mp4", "m0.png", "rex.concept"):
        bench.lay(name)
    fault = Fault(at_event=rng.randrange(8, 60), signal=signal.SIGKILL, state_every_frame=True)
    bench.run("run", [*words, "output_dir=o"], fault if choice["when"] == "half way" else Fault())
    _change(bench, choice)
    bench.users = {}
    fresh = bench.run("run", [*words, "output_dir=fresh"])
    expected = {name: value for name, value in digest(bench.place / "fresh").items() if name.endswith(".png")}
    shutil.rmtree(bench.place / "fresh", ignore_errors=True)
    if fresh.code:
        return bench.judge(fresh)
    bench.users = {name: value for name, value in bench.users.items() if not name.startswith("o/")}
    outcome = bench.run("run", [*words, "output_dir=o"])

    def problem() -> str | None:
        found = {name: value for name, value in digest(bench.place / "o").items() if name.endswith(".png")}
        return difference(expected, found)

    return bench.judge(outcome, problem)


def _change(bench: Bench, choice: Choice) -> None:
    """Changes one of the inputs."""
    frames = sorted((bench.place / "frames").glob("*.png"))
    if choice["input"] == "video":
        shutil.copy(bench.material.get("long.mp4"), bench.place / "clip.mp4")
    elif choice["input"] == "mask":
        Image.fromarray(np.where(scene.labels(1, 1) > 0, 255, 0).astype(np.uint8)).save(bench.place / "m0.png")
    elif choice["input"] == "concept":
        other = ["ref_image=frames/00003.png", "ref_mask=m3.png", "out=rex.concept"]
        bench.lay("m3.png")
        (bench.place / "rex.concept").unlink()
        bench.run("concept", other)
    elif choice["change"] == "another picture":
        _mirrored(frames[3])
    elif choice["change"] == "all pictures":
        for path in frames:
            _mirrored(path)
    elif choice["change"] == "one more":
        shutil.copy2(frames[5], frames[5].with_name("00006.png"))
    elif choice["change"] == "one less":
        frames[5].unlink()
    else:
        aside = frames[1].with_name("aside")
        frames[1].rename(aside)
        frames[4].rename(frames[1])
        aside.rename(frames[4])


def _mirrored(path: Path) -> None:
    image = np.asarray(Image.open(path))
    Image.fromarray(np.ascontiguousarray(image[:, ::-1])).save(path)


def attempt_album(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A photo of an album is replaced, added or deleted: reports and results are those of what is there."""
    bench.lay("photos")
    bench.lay("ref.png")
    bench.lay("m0.png")
    given = ["images=photos", "ref_image=ref.png", "ref_mask=m0.png", f"output={choice['output']}"]
    bench.run("album", [*given, "output_dir=o"])
    if choice["change"] == "replaced":
        _mirrored(bench.place / "photos" / "1.png")
    elif choice["change"] == "added":
        Image.fromarray(scene.picture(1, 4)).save(bench.place / "photos" / "4.png")
    else:
        (bench.place / "photos" / "3.jpg").unlink()
    bench.users = {}
    fresh = bench.run("album", [*given, "output_dir=fresh"])
    expected = _visible(bench.place / "fresh")
    shutil.rmtree(bench.place / "fresh", ignore_errors=True)
    bench.users = {name: value for name, value in bench.users.items() if not name.startswith("o/")}
    outcome = bench.run("album", [*given, "output_dir=o"])
    verdict = bench.judge(fresh, may_refuse=False)
    if verdict.verdict != RIGHT:
        return verdict
    return bench.judge(outcome, lambda: difference(expected, _visible(bench.place / "o")), may_refuse=False)


def _visible(folder: Path) -> dict[str, str]:
    """What a user sees of an album's results; its JSON names the folder and is left aside."""
    return {
        name: value
        for name, value in digest(folder).items()
        if not name.startswith(".") and not name.endswith((".json", ".jsonl"))
    }


KINDS = (
    Kind(
        "changed inputs",
        60,
        {
            "input": ("folder", "pattern", "pattern", *INPUTS),
            "change": CHANGES,
            "when": ("finished", "half way"),
            "output": ("[masks]", "[masks,overlay]"),
        },
        attempt_video,
    ),
    Kind(
        "changed albums",
        30,
        {
            "change": ("replaced", "added", "deleted", "deleted"),
            "output": ("[masks]", "[masks,cutout]", "[masks,overlay,cutout,white,blur,dreambooth]"),
        },
        attempt_album,
    ),
)
