"""Full disks, closed outputs, special files, other locales, and Ctrl-C before anything has begun."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from faulting.bench import Bench
from faulting.fault import Fault
from faulting.judge import HANG, ONE_LINE, RIGHT, SILENT, TRACEBACK, Verdict, lines, tail
from faulting.kinds import Choice, Kind
from faulting.kinds.kills import JOBS, difference, digest, reference, start

LIMITS = {
    **{f"files of at most {size} bytes": {"FSIZE": size} for size in (0, 1, 100, 1000, 5000, 20_000)},
    **{f"at most {count} open files": {"NOFILE": count} for count in (8, 16, 24, 40)},
    **{f"{size} MB of memory": {"AS": size << 20} for size in (64, 1000, 4000)},
}
STREAMS = ("stdout closed", "stdout full", "stdout left", "stdin closed", "ASCII", "Latin-1", "no HOME", "no TMPDIR")
LOCALES = {"ASCII": "ascii", "Latin-1": "latin-1"}
SPECIAL = (
    "FIFO",
    "socket",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "folder",
    "empty folder",
    "missing",
    "link to itself",
    "empty file",
)
PLACES = (
    "video",
    "mask",
    "photo",
    "photos",
    "reference photo",
    "concept",
    "weights",
    "output_dir",
    "data set",
    "results",
    "out",
)


def attempt_limit(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Something that the system has too little of: one line; with enough of it, the same results."""
    job, expected = choice["job"], reference(bench, choice["job"])
    outcome = start(bench, job, Fault(limits=LIMITS[choice["limit"]]))

    def problem() -> str | None:
        return difference(expected.digest, digest(bench.place / "o"))

    verdict = bench.judge(outcome, problem, warning_excuses=True)
    if verdict.verdict != ONE_LINE:
        return verdict
    after = bench.judge(start(bench, job), problem, may_refuse=False)
    return verdict if after.verdict not in (SILENT, TRACEBACK, HANG) else after


def attempt_stream(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Outputs that nobody reads, or that cannot show what is said."""
    job, stream, expected = choice["job"], choice["stream"], reference(bench, choice["job"])
    environ: dict[str, str | None] = {"no HOME": {"HOME": None}, "no TMPDIR": {"TMPDIR": "/nowhere"}}.get(stream, {})  # type: ignore[assignment]
    stdout = stream.split()[1] if stream.startswith("stdout") else "pipe"
    fault = Fault(
        stdout=stdout, encoding=LOCALES.get(stream, "utf-8"), environ=environ, stdin_closed=stream == "stdin closed"
    )
    outcome = start(bench, job, fault)
    if stream == "stdout left" and outcome.code == 128 + signal.SIGPIPE:  # what a shell calls this end
        outcome = replace(outcome, code=0)
    return bench.judge(outcome, lambda: difference(expected.digest, digest(bench.place / "o")))


def attempt_special(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Something that is no file where a file is named: one line, and no waiting for a writer that never comes."""
    special, role = choice["special"], choice["place"]
    if special.startswith("/dev") and role in ("out", "output_dir"):  # never a device where something is written
        special = "FIFO"
    given = special if special.startswith("/dev") else {"photo": "photos/x.jpg"}.get(role, "special")
    words = {
        "video": "clip.mp4",
        "mask": "m0.png",
        "reference photo": "ref.png",
        "photos": "photos",
    }
    for name in ("clip.mp4", "m0.png", "ref.png", "photos", "davis"):
        bench.lay(name)
    words = {**words, role: given}
    if not given.startswith("/dev"):
        _make(bench.place / given, special)
    run = [
        f"video={words['video']}",
        f"ref_mask={words['mask']}",
        "output_dir=" + words.get("output_dir", "o"),
        "output=[masks]",
    ]
    album = [f"images={words['photos']}", f"ref_image={words['reference photo']}", "ref_mask=m0.png", "output_dir=o"]
    if role == "concept":
        run[1] = f"concept={given}"
    if role == "weights":
        run.append(f"checkpoint={given}")
    command, chosen = ("album", album) if role in ("photo", "photos", "reference photo") else ("run", run)
    if role in ("data set", "results"):
        command, chosen = (
            "evaluate",
            [f"dataset.root={words.get('data set', 'davis')}", "split=val", "output_dir=o", "workers=1"],
        )
        chosen += [f"results={given}"] if role == "results" else []
    if role == "out":
        command, chosen = "concept", ["ref_image=ref.png", "ref_mask=m0.png", f"out={given}"]
    outcome = bench.run(command, chosen)

    def problem() -> str | None:
        if (
            role == "output_dir"
            or (special == "folder" and role in ("video", "photos"))
            or (role in ("photo", "out") and special != "FIFO")
        ):
            return None
        return "it was taken"

    return bench.judge(outcome, problem, warning_excuses=role == "photo")


def _make(path: Path, special: str) -> None:
    if special == "FIFO":
        os.mkfifo(path)
    elif special == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            here = Path.cwd()
            os.chdir(path.parent)  # a socket's path must be short
            listener.bind(path.name)
            os.chdir(here)
    elif special == "folder":
        shutil.copytree(path.parent / "photos", path) if path.parent.name != "photos" else path.mkdir()
    elif special == "empty folder":
        path.mkdir()
    elif special == "link to itself":
        path.symlink_to(path.name)
    elif special == "empty file":
        path.touch()


def attempt_begin(bench: Bench, choice: Choice, rng: random.Random) -> Verdict:
    """Ctrl-C in a process of its own, from its first moment on."""
    for name in JOBS[choice["job"]].material:
        bench.lay(name)
    job = JOBS[choice["job"]]
    words = [*job.words, *bench.options(job.command, job.words)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-m", f"vos.{job.command}", *words],
        cwd=bench.place,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    time.sleep(rng.uniform(0.15, 4.0))  # earlier, Python itself is not there yet
    process.send_signal(signal.SIGINT)
    try:
        _, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        return Verdict(HANG, f"30 s after Ctrl-C: {tail(process.communicate()[1])}")
    if process.returncode == 0 or (process.returncode == -signal.SIGINT and not err):
        return Verdict(RIGHT, "done, or gone before the first line of vos")
    told = [line for line in lines(err) if re.match("interrupted", line)]
    if process.returncode == 130 and len(told) == 1 and "Traceback" not in err:
        return Verdict(ONE_LINE, told[0])
    return Verdict(TRACEBACK, f"exit code {process.returncode}: {tail(err)}")


SOME = ("masks", "overlay", "matte", "rle", "late", "album", "concept", "evaluate")
KINDS = (
    Kind("limits", 90, {"limit": tuple(LIMITS), "job": SOME}, attempt_limit),
    Kind("streams and surroundings", 60, {"stream": STREAMS, "job": SOME}, attempt_stream),
    Kind("special files", 90, {"special": SPECIAL, "place": PLACES}, attempt_special),
    Kind("Ctrl-C at the start", 20, {"job": ("masks", "late", "album", "concept", "evaluate")}, attempt_begin),
)
