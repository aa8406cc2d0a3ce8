"""Videos and weights that come over a network that cuts, lies or crawls."""

from __future__ import annotations

import hashlib
import importlib
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faulting import scene, server
from faulting.bench import Bench
from faulting.clips import CLIPS
from faulting.judge import HANG, LOST, ONE_LINE, REFUSED, RIGHT, SILENT, Verdict
from faulting.kinds import Choice, Kind

PATIENCE = 40.0  # seconds for a server that says nothing
STREAMED = ("h264.mp4", "fast.mp4", "h264.mkv", "vp8.webm", "mpeg4.avi", "h264.ts", "aac.mp4", "h264.flv")


def attempt_video(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A video by its URL: all frames, or fewer and a word."""
    bench.lay("m0.png")
    data, way = bench.material.get(f"clips/{choice['clip']}").read_bytes(), choice["way"]
    with server.serving(data, way, rng.uniform(0.3, 0.95), choice["clip"]) as url:
        words = [f"video={url}", "ref_mask=m0.png", "output_dir=o", "output=[masks]"]
        outcome = bench.run("run", words, timeout=PATIENCE)
    endless = not CLIPS[choice["clip"]].promises and way in ("too short", "no length")

    def problem() -> str | None:
        count = len(list((bench.place / "o" / "masks").glob("*.png")))
        return None if count == scene.FRAMES or (endless and count) else f"{count} masks of {scene.FRAMES} frames"

    return bench.judge(outcome, problem, may_refuse=way not in server.WHOLE, warning_excuses=True)


BODY = bytes(range(256)) * 512
DIGEST = hashlib.sha256(BODY).hexdigest()


def attempt_download(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Weights by their URL, by one or two processes: the whole file or one line; never a wrong file."""
    way, target = choice["way"], bench.place / "cache" / "weights.pth"
    data = BODY if choice["content"] == "right" else BODY[::-1] if choice["content"] == "other" else BODY + b"x"
    if choice["before"] != "nothing":
        target.parent.mkdir()
        part = {"a part": BODY[: len(BODY) // 3], "a wrong part": b"x" * 99, "too much": BODY * 2}[choice["before"]]
        target.with_name("weights.pth.partial").write_bytes(part)
    begin = time.monotonic()
    with server.serving(data, way, rng.uniform(0.3, 0.95), "weights.pth") as url:
        others = [os.fork() for _ in range(choice["processes"] - 1)]
        if 0 in others:
            _download(url, target, bench.place / "other.txt")
            os._exit(0)
        _download(url, target, bench.place / "said.txt")
        for other in others:
            os.waitpid(other, 0)
    said = "; ".join(path.read_text() for path in sorted(bench.place.glob("*.txt")))
    if time.monotonic() - begin > PATIENCE:
        return Verdict(HANG, f"after {time.monotonic() - begin:.0f} s: {said}")
    if target.exists() and target.read_bytes() != BODY:
        return Verdict(LOST, f"a wrong file under the final name: {said}")
    if "Traceback" in said or any("error: " not in text and text != "done" for text in said.split("; ")):
        return Verdict(SILENT, said)
    if target.exists():
        return Verdict(RIGHT)
    whole = way in server.WHOLE and choice["content"] == "right" and choice["before"] in ("nothing", "a part")
    return Verdict(REFUSED if whole else ONE_LINE, said)


def _download(url: str, target: Path, note: Path) -> None:
    """Downloads in a child whose stderr is nobody's, and notes how it ended."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        module: Any = importlib.import_module("vos.download")
        for name, value in vars(module).items():  # waits are shortened
            if isinstance(value, (int, float)) and re.search("TIMEOUT|SECONDS|PATIENCE|STALL|WINDOW", name):
                setattr(module, name, min(value, 2))
        pause: Callable[[float], None] = lambda seconds: None  # noqa: E731
        try:
            module.download(url, target, len(BODY), DIGEST, pause)
            note.write_text("done")
        except module.DownloadError as error:
            note.write_text(f"error: {error}".replace("; ", ", "))
        except BaseException as error:
            note.write_text(f"Traceback {type(error).__name__} {error}".replace("; ", ", "))
        os._exit(0)
    begin = time.monotonic()
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() - begin > PATIENCE:
            os.kill(child, 9)
            os.waitpid(child, 0)
            note.write_text("it hangs")
            return
        time.sleep(0.01)


KINDS = (
    Kind("videos by URL", 50, {"clip": STREAMED, "way": server.WAYS}, attempt_video),
    Kind(
        "downloads",
        50,
        {
            "way": server.WAYS,
            "content": ("right", "right", "right", "other", "longer"),
            "before": ("nothing", "nothing", "a part", "a wrong part", "too much"),
            "processes": (1, 2, 2),
        },
        attempt_download,
    ),
)
