"""Batches whose list is broken, whose processes die, whose inputs go away, whose disk is full, or that are two."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Sequence

from faulting.bench import Bench
from faulting.fault import NO_FAULT, Fault, Outcome
from faulting.judge import HANG, ONE_LINE, RIGHT, SILENT, TRACEBACK, Verdict, crash, lines, tail
from faulting.kinds import Choice, Kind
from faulting.kinds.kills import difference, digest
from faulting.material import HARMS, cut

NAMES = ("alpha", "zulu")  # of the clips: no flipped bit makes one of the other
WORDS = ("manifest=clips.csv", "output_dir=o", "output=[masks]")


def lay(bench: Bench) -> None:
    """Lays two clips with their masks, and the list of them."""
    for name in NAMES:
        bench.lay("clip.mp4", f"{name}.mp4")
        bench.lay("m0.png", f"{name}.png")
    rows = [f"{name}.mp4,{name}.png" for name in NAMES]
    (bench.place / "clips.csv").write_text("\n".join(("video,ref_mask", *rows)) + "\n")


def expected(bench: Bench) -> dict[str, dict[str, str]]:
    """What each clip's folder holds after a batch that was left alone, once; afterwards from what was kept."""
    kept = bench.material.folder / "references" / f"batch{'-default' * bench.default_options}.json"
    if not kept.exists():
        outcome = bench.run("batch", [*WORDS, "workers=1"])
        if outcome.code:
            raise RuntimeError(f"the undisturbed batch fails: {tail(outcome.err)}")
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps({name: digest(bench.place / "o" / name) for name in NAMES}))
        shutil.rmtree(bench.place / "o")
        bench.users = {}
    found: dict[str, dict[str, str]] = json.loads(kept.read_text())
    return found


def problem(bench: Bench, wanted: dict[str, dict[str, str]], outcome: Outcome, missing: int = 0) -> str | None:
    """What is wrong with a batch that has ended: a clip that is neither whole nor told in a line.

    Args:
        bench: with the results.
        wanted: of each clip.
        outcome: of the batch.
        missing: clips that its list does not name any more.
    """
    told = missing + (sum(line.startswith("failed:") for line in lines(outcome.err)) if outcome.code == 3 else 0)
    for name in NAMES:
        there = digest(bench.place / "o" / name)
        if wrong := difference(wanted[name], there):
            told -= 1
            if "summary.json" in there or told < 0:
                return f"{name}: {wrong}"
    return None


def judged(bench: Bench, wanted: dict[str, dict[str, str]], outcome: Outcome, may_fail: bool = True) -> Verdict:
    """Says what a batch is worth; one whose clips failed in a line each is as good as one that was refused."""
    verdict = bench.judge(outcome, lambda: problem(bench, wanted, outcome), may_fail, must_write=False)
    if verdict.verdict == RIGHT and outcome.code == 3:
        return Verdict(ONE_LINE if may_fail else SILENT, tail(outcome.err))
    return verdict


def afterwards(bench: Bench, wanted: dict[str, dict[str, str]], before: Sequence[Outcome]) -> Verdict:
    """Judges outcomes that something has disturbed, and then the batch that goes on from there."""
    for outcome in before:
        if outcome.signal not in (signal.SIGKILL, signal.SIGTERM) and (bad := crash(outcome)) is not None:
            return bad
        told = [line for line in lines(outcome.err) if line.startswith(("error:", "interrupted", "failed:"))]
        if outcome.code in (2, 3, 130) and not told:
            return Verdict(TRACEBACK, f"exit code {outcome.code} without a line that says why")
    last = judged(bench, wanted, bench.run("batch", [*WORDS, "workers=1"]), may_fail=False)
    is_told = last.verdict == RIGHT and any(outcome.code for outcome in before)
    return Verdict(ONE_LINE, "and the next batch went on") if is_told else last


def _more(data: bytes, column: str, *cells: str) -> bytes:
    """Adds a column to the list."""
    ends = (f",{cell}".encode() for cell in (column, *cells))
    return b"\n".join(line + end for line, end in zip(data.splitlines(), ends))


def _replaced(old: str, new: str) -> Callable[[bytes, random.Random], bytes]:
    return lambda data, rng: data.replace(old.encode(), new.encode())


LISTS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "unknown column": _replaced("ref_mask", "ref_musk"),
    "column twice": _replaced("ref_mask", "video"),
    "no name of a column": _replaced("ref_mask", ""),
    "no video": _replaced("zulu.mp4", ""),
    "no mask": _replaced("zulu.png", ""),
    "video that is not there": _replaced("zulu.mp4", "none.mp4"),
    "mask that is not there": _replaced("zulu.png", "none.png"),
    "mask that is a video": _replaced("zulu.png", "zulu.mp4"),
    "folder as a video": _replaced("zulu.mp4", "."),
    "absolute path that is not there": _replaced("zulu.mp4", "/none/zulu.mp4"),
    "more cells": _replaced("zulu.png", "zulu.png,x"),
    "open quote": _replaced("zulu.mp4", '"zulu.mp4'),
    "the same clip twice": _replaced("zulu.mp4,zulu.png", "alpha.mp4,alpha.png"),
    "only a head": lambda data, rng: data.splitlines()[0],
    "nothing": lambda data, rng: b"",
    "blank lines": _replaced("\n", "\n\n"),
    "Windows": _replaced("\n", "\r\n"),
    "UTF-16": lambda data, rng: data.decode().encode("utf-16"),
    "zeros": lambda data, rng: bytes(len(data)),
    "noise": lambda data, rng: rng.randbytes(300),
    "folder within a folder": lambda data, rng: _more(data, "output_dir", "o/x", "o/x/y"),
    "value of another kind": lambda data, rng: _more(data, "every", "foo", "1"),
    "model that there is not": lambda data, rng: _more(data, "model", "foo", "nano"),
    **{harm: lambda data, rng, harm=harm: cut(data, harm, rng.random(), rng.randrange(99)) for harm in HARMS},  # type: ignore[misc]
}
UNHURT = ("blank lines", "Windows")


def attempt_list(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A list that is wrong: refused in a line, or the clips that are right are done and the others told."""
    lay(bench)
    wanted, table = expected(bench), bench.place / "clips.csv"
    table.write_bytes(LISTS[choice["harm"]](table.read_bytes(), rng))
    words = [*WORDS, f"workers={choice['workers']}"]
    if choice["place"] != "as it is":
        shutil.move(table, bench.place / {"another suffix": "clips.txt", "elsewhere": "none.csv"}[choice["place"]])
        words[0] = f"manifest=clips.{'txt' if choice['place'] == 'another suffix' else 'csv'}"
    outcome = bench.run("batch", words)
    missing = 0 if choice["place"] != "as it is" else max(0, 3 - len(table.read_bytes().splitlines()))
    if outcome.code in (0, 3) and missing:
        return bench.judge(outcome, lambda: problem(bench, wanted, outcome, missing), must_write=False)
    return judged(bench, wanted, outcome, may_fail=choice["harm"] not in UNHURT or choice["place"] != "as it is")


def attempt_kill(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A batch, or a process of it, that is killed, interrupted or ended once or twice, and then goes on."""
    lay(bench)
    wanted, outcomes = expected(bench), []
    number = {"kill -9": signal.SIGKILL, "Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM}[choice["signal"]]
    for _ in range(choice["times"]):
        fault = Fault(at_event=rng.randrange(80), signal=number, state_every_frame=choice["state"])
        if choice["what"] != "at a write":
            is_one = choice["what"] == "a process"
            fault = Fault(after=rng.uniform(0, 1.5), signal=signal.SIGKILL if is_one else number, of_process=is_one)
        outcomes.append(bench.run("batch", [*WORDS, f"workers={choice['workers']}"], fault))
    return afterwards(bench, wanted, outcomes)


def attempt_vanish(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """An input that goes away in the middle, and is back for the next batch."""
    lay(bench)
    wanted, name = expected(bench), choice["input"]
    data, times = (bench.place / name).read_bytes(), (bench.place / name).stat()
    fault = Fault(at_event=rng.randrange(40), removes=name)
    outcome = bench.run("batch", [*WORDS, f"workers={choice['workers']}"], fault)
    (bench.place / name).write_bytes(data)
    os.utime(bench.place / name, ns=(times.st_atime_ns, times.st_mtime_ns))
    return afterwards(bench, wanted, [outcome])


def attempt_full(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """A disk that is full from some moment on, or takes only small files; later there is room again."""
    lay(bench)
    wanted = expected(bench)
    fault = Fault(at_event=rng.randrange(80), is_full=True)
    if choice["full"] == "for large files":
        fault = Fault(limits={"FSIZE": rng.choice([0, 1, 100, 400, 1000, 5000, 20_000])})
    return afterwards(bench, wanted, [bench.run("batch", [*WORDS, f"workers={choice['workers']}"], fault)])


def attempt_two(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Two batches of one list at the same time, or its two shards; one of them may be killed."""
    lay(bench)
    wanted, note = expected(bench), bench.place.parent / "other.json"
    shards = (["shard=0/2"], ["shard=1/2"]) if choice["lists"] == "two shards" else ([], [])
    words = [[*WORDS, f"workers={choice['workers']}", *shard] for shard in shards]
    other = os.fork()
    if other == 0:
        outcome = bench.program.run("batch", [*words[1], *bench.options("batch", words[1])], bench.place)
        note.write_text(json.dumps(outcome.__dict__))
        os._exit(0)
    fault = Fault(after=rng.uniform(0, 1.5)) if choice["end"] == "one is killed" else NO_FAULT
    outcome = bench.run("batch", words[0], fault)
    os.waitpid(other, 0)
    theirs = Outcome(**json.loads(note.read_text()))
    note.unlink()
    if theirs.hung:
        return Verdict(HANG, tail(theirs.err))
    if theirs.code != 0 or (fault is NO_FAULT and outcome.code != 0):
        return Verdict(TRACEBACK, f"codes {outcome.code} and {theirs.code}: {tail(outcome.err)} {tail(theirs.err)}")
    if fault is NO_FAULT or not shards[0]:  # what the killed one was at, the other has done
        return judged(bench, wanted, theirs, may_fail=False)
    return afterwards(bench, wanted, [outcome])


WORKERS = (1, 2)
KINDS = (
    Kind(
        "lists of clips",
        60,
        {"harm": tuple(LISTS), "place": ("as it is",) * 8 + ("another suffix", "elsewhere"), "workers": WORKERS},
        attempt_list,
    ),
    Kind(
        "batches killed",
        60,
        {
            "signal": ("kill -9", "Ctrl-C", "SIGTERM"),
            "what": ("at a write", "at a time", "a process"),
            "state": (False, True),
            "times": (1, 2),
            "workers": WORKERS,
        },
        attempt_kill,
    ),
    Kind(
        "inputs of batches that vanish",
        25,
        {
            "input": ("alpha.mp4", "alpha.png", "zulu.mp4", "zulu.png", "clips.csv"),
            "workers": WORKERS,
        },
        attempt_vanish,
    ),
    Kind(
        "full disks in batches", 30, {"full": ("from a moment on", "for large files"), "workers": WORKERS}, attempt_full
    ),
    Kind(
        "two batches",
        25,
        {"lists": ("one", "two shards"), "end": ("both end", "one is killed"), "workers": WORKERS},
        attempt_two,
    ),
)
