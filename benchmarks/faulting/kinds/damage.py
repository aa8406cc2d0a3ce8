"""Damaged pictures, states, concepts, weights and records: noticed, or without consequence."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path

from faulting import scene
from faulting.bench import Bench
from faulting.fault import Fault, Outcome
from faulting.judge import SILENT, Verdict
from faulting.kinds import Choice, Kind
from faulting.kinds.kills import JOBS, difference, digest, reference, start
from faulting.material import HARMS, PICTURES, cut

RUN = ("video=clip.mp4", "ref_mask=m0.png", "output_dir=o")
HIDDEN = ("records.jsonl",)  # a log: lines that nothing reads may stay in it
JSONS = (
    "",
    "null",
    "[]",
    "{}",
    "1",
    '"x"',
    "[1]",
    '{"fingerprint": null}',
    '{"fingerprint": 1}',
    "{",
    "\ufeff{}",
    "NaN",
)


def harm(path: Path, choice: Choice, rng: random.Random) -> None:
    """Damages a file in place."""
    path.write_bytes(cut(path.read_bytes(), choice["harm"], rng.random(), rng.randrange(1 << 30)))


def attempt_picture(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A damaged picture in any place where pictures are given."""
    suffix, role = choice["format"], choice["role"]
    kind = {"jpg": "jpeg"}.get(suffix, suffix)
    bench.lay("m0.png")
    words = ["images=photos", f"ref_image=ref.{suffix}", "ref_mask=m0.png", "output_dir=o"]
    command, folder = "album", bench.lay("photos")
    if role == "reference photo":
        harm(bench.lay(f"pictures/{kind}", f"ref.{suffix}"), choice, rng)
    elif role == "photo":
        bench.lay(f"pictures/{kind}", f"ref.{suffix}")
        harm(bench.lay(f"pictures/{kind}", f"photos/hurt.{suffix}"), choice, rng)
    else:
        shutil.rmtree(folder)
        command, words = "run", ["video=frames", "ref_mask=m0.png", "output_dir=o"]
        folder = bench.lay("frames")
        (folder / "00003.png").unlink()
        harm(bench.lay(f"pictures/{kind}", f"frames/00003.{suffix}"), choice, rng)
    outcome = bench.run(command, words)
    expected = scene.FRAMES if command == "run" else 3 + (role == "photo")

    def problem() -> str | None:
        count = len(list((bench.place / "o" / "masks").rglob("*.png")))
        return None if count == expected else f"{count} masks of {expected} pictures"

    return bench.judge(outcome, problem, warning_excuses=True)


def attempt_mask(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A damaged mask: it is refused, or gives objects where they are."""
    bench.lay("clip.mp4")
    harm(bench.lay("m0.png"), choice, rng)
    words = ("video=clip.mp4", "ref_mask=m0.png", "output_dir=o", "output=[masks]")
    return bench.judge(bench.run("run", words), bench.masks_problem, warning_excuses=True)


def attempt_state(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A damaged file that an interrupted run has left: it begins again, with the same results in the end."""
    job, expected = choice["job"], reference(bench, choice["job"])
    outcome = Outcome(0, None, False, "", "", 0.0)
    for _ in range(3):  # until there is something to damage
        moment = int(rng.uniform(0.4, 1.0) * expected.events)
        number = signal.SIGINT if choice["signal"] == "Ctrl-C" else signal.SIGKILL
        outcome = start(bench, job, Fault(at_event=moment, signal=number, state_every_frame=True))
        if found := _states(bench.place / "o"):
            break
    else:
        found = []
    if found:
        harm(rng.choice(found), choice, rng)
    outcome = start(bench, job)
    found_now = {name: value for name, value in digest(bench.place / "o").items() if not name.endswith(HIDDEN)}
    kept = {name: value for name, value in expected.digest.items() if not name.endswith(HIDDEN)}
    wrong = difference(kept, found_now)
    return bench.judge(outcome, lambda: wrong, may_refuse=False)


def _states(folder: Path) -> list[Path]:
    """The hidden files that a run leaves for the next one."""
    hidden = [p for p in folder.rglob("*") if any(part.startswith(".") for part in p.relative_to(folder).parts)]
    return sorted(path for path in hidden if path.is_file() and path.name != "lock")


def attempt_concept(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A damaged concept file."""
    bench.lay("clip.mp4")
    harm(bench.lay("rex.concept"), choice, rng)
    words = ["video=clip.mp4", "concept=rex.concept", "output_dir=o", "output=[masks]"]
    if choice["command"] == "album":
        bench.lay("photos")
        words = ["images=photos", "concept=rex.concept", "output_dir=o"]
    outcome = bench.run(choice["command"], words)
    harmless = choice["harm"] in ("flip", "flips", "zeros")  # a number in it is another one, and still a number
    frames = scene.FRAMES if choice["command"] == "run" else 3

    def problem() -> str | None:
        if not harmless:
            return "a file that is not complete was taken"
        masks = list((bench.place / "o" / "masks").rglob("*.png"))
        return None if len(masks) == frames else f"{len(masks)} masks of {frames}"

    return bench.judge(outcome, problem)


def attempt_weights(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A damaged file of weights."""
    bench.lay("clip.mp4")
    bench.lay("m0.png")
    path = bench.lay("nano.safetensors")
    if choice["harm"] in ("nan", "inf", "zero", "int32", "transposed", "renamed"):
        _spoil(path, choice["harm"])
    else:
        harm(path, choice, rng)
    outcome = bench.run("run", (*RUN, "output=[masks]", "checkpoint=nano.safetensors"))
    numbers = choice["harm"] in ("flip", "flips", "zeros")  # the file is whole, and nobody knows its numbers
    return bench.judge(outcome, lambda: None if numbers and not bench.masks_problem(least=-1) else "they were taken")


def _spoil(path: Path, how: str) -> None:
    """Weights of the right names with wrong numbers."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    with safe_open(path, "pt") as file:
        about = file.metadata()
    tensors = load_file(path)
    for name, tensor in tensors.items():
        if how in ("nan", "inf", "zero"):
            tensors[name] = (
                torch.full_like(tensor, {"nan": float("nan"), "inf": float("inf"), "zero": 0.0}[how])
                if tensor.is_floating_point()
                else tensor
            )
        elif how == "int32":
            tensors[name] = tensor.to(torch.int32)
        elif how == "transposed" and tensor.ndim > 1:
            tensors[name] = tensor.transpose(0, 1).contiguous()
    if how == "renamed":
        tensors = {f"x.{name}": tensor for name, tensor in tensors.items()}
    save_file(tensors, path, about)


def attempt_record(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Another program's record where ours would be, or ours damaged: never taken for a finished run."""
    name, job = choice["record"], {"summary.json": "masks", "album.json": "album"}.get(choice["record"], "evaluate")
    expected = reference(bench, job)
    if choice["content"] in HARMS:
        start(bench, job)
        path = bench.place / "o" / name
        if not path.exists():
            return Verdict(SILENT, f"{job} writes no {name}")
        harm(path, {"harm": choice["content"]}, rng)
        bench.users = {k: v for k, v in bench.users.items() if not k.startswith("o/")}
    else:
        path = bench.place / "o" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(choice["content"], encoding="utf-8")
    outcome = start(bench, job)
    wrong = difference(expected.digest, digest(bench.place / "o"))
    return bench.judge(outcome, lambda: wrong)


KINDS = (
    Kind(
        "damaged pictures",
        150,
        {"format": PICTURES, "harm": HARMS, "role": ("reference photo", "photo", "frame")},
        attempt_picture,
    ),
    Kind("damaged masks", 30, {"harm": HARMS}, attempt_mask),
    Kind("damaged states", 100, {"job": tuple(JOBS), "harm": HARMS, "signal": ("kill -9", "Ctrl-C")}, attempt_state),
    Kind("damaged concepts", 60, {"harm": HARMS, "command": ("run", "album")}, attempt_concept),
    Kind(
        "damaged weights",
        40,
        {"harm": (*HARMS, "nan", "inf", "zero", "int32", "transposed", "renamed")},
        attempt_weights,
    ),
    Kind(
        "foreign records",
        60,
        {"record": ("summary.json", "album.json", "masks/duck/run.json"), "content": (*JSONS, *HARMS)},
        attempt_record,
    ),
)
