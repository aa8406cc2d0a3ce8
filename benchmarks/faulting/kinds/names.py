"""Names that files may have, everywhere where a file is named."""

from __future__ import annotations

import random
import shutil

from faulting.bench import Bench
from faulting.fault import Fault
from faulting.judge import Verdict
from faulting.kinds import Choice, Kind

NAMES = (
    "plain", "with blank", " leading", "trailing ", "Ünïcødé", "日本語", "emoji🦆", "a:b", "2024-01-01T12:30:05",
    "-dash", "~tilde",
    "${x}", "$HOME", "a,b", "a'b", 'a"b', "new\nline", "tab\tx", "[x]", "{x}", "(x)", "a=b", "a+b", "a&b",
    "a;b", "a|b", "a*b",
    "a?b", "a\\b", "%05d", "a%b", "#x", "!x", "@x", "null", "true", "123", "1e5", "nan", ".hidden", "a.b.c",
    "...", "file:x", "x" * 200,
    "é" * 100, "http:x", "camera:1", "=x", "'q'", '"q"', "`x`", "\udcff\udcfe",
)  # fmt: skip
ROLES = (
    "video", "frames folder", "frame", "mask", "mask in a list", "output_dir", "photo", "photo folder",
    "reference photo",
    "concept", "concept out", "data set", "sequence", "results", "home video", "home mask", "pattern", "absolute",
)  # fmt: skip
TWISTED = ("\udcff\udcfe", "new\nline", "a,b", "'q'", '"q"')  # one line is good enough


def attempt(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """One name in one role."""
    name, role = choice["name"], choice["role"]
    command, words = _prepare(bench, name, role)
    outcome = bench.run(command, words, Fault(environ={"HOME": str(bench.place / "home")}))

    def problem() -> str | None:
        if command != "run":
            made = [
                p for p in bench.place.rglob("*") if p.is_file() and str(p.relative_to(bench.place)) not in bench.users
            ]
            return None if made else "nothing was written"
        folder = f"{name if role == 'output_dir' else 'o'}/masks"
        if not (bench.place / folder).exists():
            folder = folder.replace(name, name.strip("'\""))  # these may be quotes of the command line
        frames = 5 if role == "frame" and name.startswith(".") else 6  # hidden files are no frames
        return bench.masks_problem(folder, frames, least=-1 if role == "frame" else 0.3)  # that one is last no longer

    stripped = role == "sequence" and name != name.strip()  # a list may have blanks around its names
    pattern = role in ("pattern", "photo folder", "frames folder") and any(c in name for c in "*?[")
    twisted = name in TWISTED and role != "photo"  # one photo's name does not cost the album
    may_refuse = twisted or pattern or stripped or (name in ("http:x", "camera:1", "file:x") and role == "video")
    return bench.judge(outcome, problem, may_refuse, warning_excuses=True)


def _prepare(bench: Bench, name: str, role: str) -> tuple[str, list[str]]:
    """Lays everything with the name in its place; returns the command and its words."""
    out, mask = "output_dir=o", "ref_mask=m0.png"
    if role in ("photo", "photo folder", "reference photo", "concept", "concept out"):
        return _photos(bench, name, role)
    if role in ("data set", "sequence", "results"):
        return _data_set(bench, name, role)
    bench.lay("m0.png")
    if role in ("frames folder", "frame", "pattern"):
        folder = f"{name}.d" if role in ("frames folder", "pattern") else "frames"
        bench.lay("frames", folder)
        if role == "frame":
            (bench.place / folder / "00005.png").rename(bench.place / folder / f"{name}.png")
            return "run", [f"video={folder}", mask, out]
        return "run", [f"video={folder}" + ("/*.png" if role == "pattern" else ""), mask, out]
    home = "home/" if role.startswith("home") else ""
    if role in ("video", "home video", "absolute"):
        path = bench.lay("clip.mp4", f"{home}{name}.mp4")
        given = str(path) if role == "absolute" else f"~/{name}.mp4" if home else f"{name}.mp4"
        return "run", [f"video={given}", mask, out]
    bench.lay("clip.mp4")
    if role == "output_dir":
        return "run", ["video=clip.mp4", mask, f"output_dir={'./' if name == 'null' else ''}{name}"]  # null is no value
    bench.lay("m0.png", f"{home}{name}.png")
    if role == "mask in a list":
        bench.lay("m3.png")
        return "run", ["video=clip.mp4", f"ref_mask=[{name}.png,m3.png]", "ref_frame=[0,3]", out]
    return "run", ["video=clip.mp4", f"ref_mask={'~/' if home else ''}{name}.png", out]


def _photos(bench: Bench, name: str, role: str) -> tuple[str, list[str]]:
    bench.lay("m0.png")
    photo, folder = "ref.png", "photos"
    if role == "reference photo":
        photo = f"{name}.png"
    bench.lay("ref.png", photo)
    if role in ("concept", "concept out"):
        if role == "concept out":
            return "concept", [f"ref_image={photo}", "ref_mask=m0.png", f"out={name}.concept"]
        bench.lay("rex.concept", f"{name}.concept")
        bench.lay("photos")
        return "album", ["images=photos", f"concept={name}.concept", "output_dir=o"]
    if role == "photo folder":
        folder = f"{name}.d"
    bench.lay("photos", folder)
    if role == "photo":
        bench.lay("pictures/png", f"photos/{name}.png")
    return "album", [f"images={folder}", f"ref_image={photo}", "ref_mask=m0.png", "output_dir=o"]


def _data_set(bench: Bench, name: str, role: str) -> tuple[str, list[str]]:
    root = f"{name}.d" if role == "data set" else "davis"
    path = bench.lay("davis", root)
    words = [f"dataset.root={root}", "split=val", "output_dir=o", "workers=1"]
    if role == "sequence":
        for kind in ("JPEGImages", "Annotations"):
            (path / kind / "480p" / "duck").rename(path / kind / "480p" / name)
        (path / "ImageSets" / "2017" / "val.txt").write_bytes(f"{name}\ngoose\n".encode("utf-8", "surrogateescape"))
    if role == "results":
        shutil.copytree(path / "Annotations" / "480p", bench.place / f"{name}.r")
        words.append(f"results={name}.r")
    return "evaluate", words


KINDS = (Kind("names", 220, {"name": NAMES, "role": ROLES}, attempt),)
