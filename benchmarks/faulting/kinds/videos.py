"""Videos in every container: whole ones give everything, damaged ones less, with a word."""

from __future__ import annotations

import random
import re
from pathlib import Path

import av

from faulting import scene
from faulting.bench import Bench
from faulting.clips import CLIPS
from faulting.judge import Verdict, warnings
from faulting.kinds import Choice, Kind
from faulting.kinds.damage import harm
from faulting.material import HARMS


def attempt_intact(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A video with nothing wrong gives all masks, an overlay with its sound, and no warning."""
    name = choice["clip"]
    bench.lay(f"clips/{name}", name)
    bench.lay("m0.png")
    outcome = bench.run("run", (f"video={name}", "ref_mask=m0.png", "output_dir=o", f"output={choice['output']}"))

    def problem() -> str | None:
        told = warnings(outcome)
        about_sound = [line for line in told if CLIPS[name].sound and re.search(r"sound|audio", line)]
        if len(told) > len(about_sound):
            return f"a needless warning: {told[0]}"
        if "masks" in choice["output"] and (wrong := bench.masks_problem()):
            return wrong
        overlay = bench.place / "o" / "overlay.mp4"
        return overlay_problem(overlay, name, bool(about_sound)) if "overlay" in choice["output"] else None

    return bench.judge(outcome, problem, may_refuse=False)


def overlay_problem(path: Path, clip: str, silence_is_told: bool) -> str | None:
    """What is wrong with an overlay: frames that are missing, sound that is gone."""
    with av.open(str(path)) as file:
        count = sum(1 for _ in file.decode(video=0))
        has_sound = bool(file.streams.audio)
    if count != scene.FRAMES:
        return f"{count} frames of {scene.FRAMES} in the overlay"
    return "the overlay is silent" if CLIPS[clip].sound and not has_sound and not silence_is_told else None


def attempt_video(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A damaged video: all masks, or fewer and a word."""
    name = choice["clip"]
    harm(bench.lay(f"clips/{name}", name), choice, rng)
    bench.lay("m0.png")
    outcome = bench.run("run", (f"video={name}", "ref_mask=m0.png", "output_dir=o", f"output={choice['output']}"))
    endless = not CLIPS[name].promises and choice["harm"] in ("cut", "hole", "zeros")

    def problem() -> str | None:
        count = len(list((bench.place / "o" / "masks").glob("*.png")))
        return None if count == scene.FRAMES or (endless and count) else f"{count} masks of {scene.FRAMES} frames"

    return bench.judge(outcome, problem, warning_excuses=True)


KINDS = (
    Kind(
        "intact videos",
        160,
        {"clip": tuple(CLIPS), "output": ("[masks]", "[masks,overlay]", "[overlay]")},
        attempt_intact,
    ),
    Kind(
        "damaged videos",
        380,
        {"clip": tuple(CLIPS), "harm": HARMS, "output": ("[masks]", "[masks,overlay]")},
        attempt_video,
    ),
)
