"""The user's own files where results would go: they stay as they are, whatever the run does."""

from __future__ import annotations

import random
import shutil

from faulting.bench import Bench
from faulting.judge import LOST, RIGHT, Verdict
from faulting.kinds import Choice, Kind
from faulting.kinds.kills import JOBS, start

TARGETS = (
    "masks", "overlay.mp4", "matte.webm", "matte.mov", "rle.json", "summary.json", "reference.png",
    ".vos", ".vos/lock", ".vos/written.jsonl", ".vos/mine.txt",
    "album.csv", "album.json", "contact_sheet.png", "overlay", "cutout", "white", "blur", "dreambooth",
    "rex.concept", "plots", "global_results-val.csv", "per-sequence_results-val.csv", "masks/duck",
    "masks/duck/run.json",
    "masks/00000.png", "masks/my own.png", "overlay/1.png", "masks/1.png", ".gitignore", "notes.txt",
)  # fmt: skip
THINGS = (
    "text", "empty file", "picture", "JSON", "folder of pictures", "empty folder",
    "link to a file",
    "link to a folder", "broken link",
)  # fmt: skip
INPUTS = (
    "video is overlay.mp4", "mask is reference.png", "mask in masks", "mask is masks/00000.png",
    "photos in output_dir",
    "photo folder is masks", "concept is out", "output_dir is a file", "output_dir is a link to a folder",
    "output_dir is photos",
    "video folder is output_dir/masks", "masks of two in masks",
)  # fmt: skip


def attempt_thing(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Something of the user's has the name of a result."""
    for name in JOBS[choice["job"]].material:
        bench.lay(name)
    target, is_later = choice["target"], choice["when"] == "after a run"
    if is_later:  # it is finished, and then its user puts something there
        start(bench, choice["job"])
    if is_later and target == ".vos/written.jsonl" and "link" not in choice["thing"]:
        target = ".vos/mine.txt"  # the record itself is vos's own by then, and may be damaged
    _put(bench, f"o/{target}", choice["thing"])
    words = ["overwrite=true"] if choice["overwrite"] and JOBS[choice["job"]].command != "concept" else []
    bench.users = {}  # everything that is there now, and that no run of ours wrote
    before = _ours(bench, target) if is_later else set()
    if choice["thing"] == "empty file" and (is_later or target == ".vos/lock"):
        before.add(f"o/{target}")  # nothing is lost with it, and a kill or a power failure leaves the same
    outcome = bench.run(JOBS[choice["job"]].command, [*JOBS[choice["job"]].words, *words])
    bench.users = {name: value for name, value in bench.users.items() if name not in before}
    return bench.judge(outcome, must_write=not is_later)


def _ours(bench: Bench, target: str) -> set[str]:
    """What the first run wrote, without what the user has put there since."""
    own = f"o/{target}"
    files = (str(path.relative_to(bench.place)) for path in (bench.place / "o").rglob("*"))
    return {name for name in files if name != own and not name.startswith(own + "/")}


def _put(bench: Bench, name: str, thing: str) -> None:
    """Puts a thing of the user's at a path, in place of what is there."""
    path = bench.place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if thing == "folder of pictures":
        bench.lay("frames", name)
    elif thing == "empty folder":
        path.mkdir()
    elif thing == "picture":
        bench.lay("ref.png", name)
    elif thing == "link to a file":
        (bench.place / "secret.txt").write_text("secret")
        path.symlink_to(bench.place / "secret.txt")
    elif thing == "link to a folder":
        bench.lay("frames", "own")
        path.symlink_to(bench.place / "own")
    elif thing == "broken link":
        path.symlink_to(bench.place / "nowhere")
    else:
        path.write_text({"empty file": "", "JSON": '{"mine": 1}'}.get(thing, "my own notes"))


def attempt_input(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """An input lies where a result would go."""
    command, words = _overlapping(bench, choice["input"])
    words += ["overwrite=true"] if choice["overwrite"] and command != "concept" else []
    bench.users = {}
    verdict = bench.judge(bench.run(command, [*words, *([f"output={choice['output']}"] if command == "run" else [])]))
    if verdict.verdict == LOST or not choice["again"]:
        return verdict
    again = bench.judge(bench.run(command, words))
    return again if again.verdict != RIGHT else verdict


def _overlapping(bench: Bench, which: str) -> tuple[str, list[str]]:
    video = bench.lay("clip.mp4", "o/overlay.mp4" if which == "video is overlay.mp4" else "clip.mp4")
    places = {"mask is reference.png": "o/reference.png", "mask in masks": "o/masks/first.png"}
    mask = bench.lay(
        "m0.png", places.get(which, "o/masks/00000.png" if which == "mask is masks/00000.png" else "m0.png")
    )
    words = [f"video={video.relative_to(bench.place)}", f"ref_mask={mask.relative_to(bench.place)}", "output_dir=o"]
    photos = ["ref_image=ref.png", "ref_mask=m0.png"]
    bench.lay("ref.png")
    if which in ("photos in output_dir", "output_dir is photos", "photo folder is masks"):
        folder = {"photo folder is masks": "o/masks", "photos in output_dir": "o"}.get(which, "photos")
        bench.lay("photos", folder)
        return "album", [*photos, f"images={folder}", "output_dir=photos" if folder == "photos" else "output_dir=o"]
    if which == "concept is out":
        return "concept", [*photos, "out=ref.png"]
    if which == "output_dir is a file":
        (bench.place / "o").write_text("mine")
    elif which == "output_dir is a link to a folder":
        bench.lay("frames", "own/masks")
        (bench.place / "o").symlink_to("own")
    elif which == "video folder is output_dir/masks":
        bench.lay("frames", "o/masks")
        words[0] = "video=o/masks"
    elif which == "masks of two in masks":
        first, second = bench.lay("m0.png", "o/masks/first.png"), bench.lay("m3.png", "o/masks/00003.png")
        words[1:2] = [
            f"ref_mask=[{first.relative_to(bench.place)},{second.relative_to(bench.place)}]",
            "ref_frame=[0,3]",
        ]
    return "run", words


def attempt_same_name(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Two clips of one name from two folders: the second does not replace the first's results."""
    first, second = choice["pair"]
    bench.lay("m0.png")
    words = ["ref_mask=m0.png", f"output={choice['output']}"]
    for name in (first, second):
        if name.endswith(".mp4"):
            bench.lay("clip.mp4" if name == first else "long.mp4", name)
            continue
        folder = bench.lay("frames", name.removesuffix("/*.png"))
        if name == second:  # it is another clip
            shutil.copy(folder / "00000.png", folder / "00006.png")
    outcome = bench.run("run", [f"video={first}", *words])
    verdict = bench.judge(outcome, may_refuse=False)
    if verdict.verdict != RIGHT:
        return verdict
    bench.users = {}  # the first run's results are the user's now
    return bench.judge(bench.run("run", [f"video={second}", *words]))


PAIRS = (
    ("a/clip.mp4", "b/clip.mp4"),
    ("a/clip.mp4", "clip.mp4"),
    ("scene.v1", "scene.v2"),
    ("a/clip", "b/clip"),
    ("a/*.png", "b/*.png"),
    ("a/clip.mp4", "b/clip"),
)
THING_GRID = {
    "job": ("masks", "overlay", "all", "box", "late", "album", "album, all", "concept", "evaluate"),
    "target": TARGETS,
    "thing": THINGS,
    "overwrite": (False, True),
    "when": ("before", "before", "after a run"),
}
KINDS = (
    Kind("files in the way", 280, THING_GRID, attempt_thing),
    Kind(
        "inputs among results",
        60,
        {
            "input": INPUTS,
            "overwrite": (False, True),
            "again": (False, True),
            "output": ("[masks]", "[masks,overlay]", "[overlay,rle]"),
        },
        attempt_input,
    ),
    Kind(
        "same name",
        30,
        {"pair": PAIRS, "output": ("[masks]", "[masks,overlay]")},
        attempt_same_name,
    ),
)
