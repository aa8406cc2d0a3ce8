"""Does the program stay right, or say in one line why not, whatever is done to it? Faults at random, counted.

    python benchmarks/faults.py [--count 2000] [--default-options 200] [--seed 0] [--out FOLDER] [--resume]
        [--again] [--jobs 1] [--only KIND ...] [--first N] [--write-docs]

Every attempt is drawn from its own number and the seed, from the whole grid of faults: a kind by its weight, then every
choice of the kind. It runs in a forked child (Linux, macOS), in a folder of its own, and is judged by what the run
said and by what it wrote. Results are appended to FOLDER/results.jsonl; --resume leaves out what is there, --again
tries once more what did not hold. Ends with status 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faulting import table
from faulting.bench import FAST, Bench
from faulting.judge import NOT_TRIED, WRONG, Verdict
from faulting.kinds import Choice, Kind
from faulting.material import Material
from faulting.sandbox import Program
from figures import commit, machine

DOCS = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"


def all_kinds() -> list[Kind]:
    """Every kind of fault."""
    from faulting.kinds import (
        batches,
        changes,
        conversions,
        crowds,
        damage,
        data_sets,
        films,
        in_the_way,
        kills,
        limits,
        names,
        network,
        odd_albums,
        odd_masks,
        odd_options,
        stores,
        videos,
    )

    modules = (
        *(videos, films, damage, odd_masks, odd_options, names, in_the_way, limits),
        *(data_sets, changes, odd_albums, network, crowds, conversions, batches, stores),
    )
    return [kills.KILLS, *(kind for module in modules for kind in module.KINDS)]


def draw(kinds: Sequence[Kind], seed: int, number: int) -> tuple[Kind, dict[str, Any], random.Random]:
    """The attempt of a number: what kind, which choices, and random numbers for what no list can hold."""
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choices(kinds, [kind.weight for kind in kinds])[0]
    return kind, kind.draw(rng), rng


class Suite:
    """The program, the material and a folder to attack it in.

    Args:
        folder: of everything that is made.
        default_options: whether models of the default options are loaded, too.
    """

    def __init__(self, folder: Path, default_options: bool = False) -> None:
        self.folder = folder.resolve()
        self.source = {"commit": commit(), "machine": machine()}
        self.program = Program()
        _forget_another(self.folder)
        self.material = Material(self.folder / "material", self._make_concept)
        fast, slow = (Bench(self.program, self.material, self.folder / "attempt", each) for each in (False, True))
        self.benches = {False: fast, True: slow}
        self._warm(fast, FAST)
        if default_options:
            self._warm(slow, ("tracker.adapt.enabled=false",))

    def attempt(
        self, number: int, default_options: bool, kind: Kind, choice: Choice, rng: random.Random
    ) -> dict[str, Any]:
        """Does one attempt; returns its line of results.jsonl."""
        bench = self.benches[default_options]
        bench.begin(self.folder / "attempt")
        begin = time.monotonic()
        try:
            verdict = kind.attempt(bench, choice, rng)
        except Exception as error:  # of the suite itself; it must not stop
            verdict = Verdict(NOT_TRIED, f"the suite failed: {type(error).__name__}: {error}")
        return {
            "number": number,
            "kind": kind.name,
            "choice": choice,
            "default_options": default_options,
            "learned": bench.learned,
            **self.source,
            "verdict": verdict.verdict,
            "what": verdict.what.replace(str(self.folder), "..."),
            "seconds": round(time.monotonic() - begin, 2),
        }

    def _warm(self, bench: Bench, words: Sequence[str]) -> None:
        bench.begin(self.folder / "warm")
        for name in ("clip.mp4", "m0.png", "ref.png", "photos"):
            bench.lay(name)
        self.program.warm("run", ["video=clip.mp4", "ref_mask=m0.png", "output_dir=o", *words], bench.place)
        album = ["images=photos", "ref_image=ref.png", "ref_mask=m0.png", "output_dir=a"]
        self.program.warm("album", [*album, *(word for word in words if word.startswith("model"))], bench.place)
        self.material.get("rex.concept")

    def _make_concept(self, folder: Path) -> None:
        words = ["ref_image=ref.png", "ref_mask=m0.png", "out=rex.concept", FAST[0]]
        self.program.warm("concept", words, folder)


def _forget_another(folder: Path) -> None:
    """Removes what another version of vos has left: its undisturbed runs are no measure of this one."""
    import vos

    sources = sorted(Path(vos.__file__).parent.rglob("*.py"))
    version = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    note = folder / "version"
    if not note.exists() or note.read_text() != version:
        shutil.rmtree(folder / "material", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(version)


def numbers(arguments: argparse.Namespace, results: Sequence[dict[str, Any]]) -> list[tuple[int, bool]]:
    """The attempts that are to be made, (number, with default options), of this process."""
    end = arguments.first + arguments.count
    wanted = [(number, number >= end - arguments.default_options) for number in range(arguments.first, end)]
    done = {table.key(result): result["verdict"] for result in results}  # of several tries the last
    if arguments.again:
        wanted = [each for each in wanted if done.get(each) in WRONG]
    elif arguments.resume:
        wanted = [each for each in wanted if each not in done]
    return [each for each in wanted if each[0] % arguments.jobs == arguments.part]


def main(argv: Sequence[str] | None = None) -> int:
    """Reads the options from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Faults at random, counted.")
    parser.add_argument("--count", type=int, default=2000, help="attempts")
    parser.add_argument(
        "--default-options", type=int, default=0, help="so many of them, the last ones, without options"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first attempt")
    parser.add_argument("--out", type=Path, help="folder of results and material; default: a temporary one")
    parser.add_argument("--resume", action="store_true", help="leave out what --out has results of")
    parser.add_argument("--again", action="store_true", help="try what did not hold once more, and add that to --out")
    parser.add_argument("--jobs", type=int, default=1, help="processes; each has a folder of its own in --out")
    parser.add_argument("--part", type=int, default=0, help=argparse.SUPPRESS)  # which of them this one is
    parser.add_argument("--only", nargs="+", help="draw of these kinds")
    parser.add_argument("--write-docs", action="store_true", help="write docs/reliability.md")
    parser.add_argument(
        "--drawn", nargs="+", help="with it: options of the draws whose results --out holds, each quoted"
    )
    arguments = parser.parse_args(argv)
    out = arguments.out or Path(tempfile.mkdtemp(prefix="faults-"))
    out.mkdir(parents=True, exist_ok=True)
    log = out / "results.jsonl"
    if arguments.part == 0 and not (arguments.resume or arguments.again):
        log.unlink(missing_ok=True)
        for folder in out.glob("part-*"):
            shutil.rmtree(folder)
    helpers = [_helper(argv, out, part) for part in range(1, arguments.jobs)] if arguments.part == 0 else []
    if todo := numbers(arguments, _read(log)):
        _attack(todo, arguments, out / f"part-{arguments.part}", log)
    if arguments.part:
        return 0
    for helper in helpers:
        helper.wait()
    results = _read(log)
    print(table.table(table.tries(results, 0)))
    words = f"--count {arguments.count} --default-options {arguments.default_options} --seed {arguments.seed}"
    if arguments.write_docs:
        DOCS.write_text(table.page(results, arguments.drawn or [words]), encoding="utf-8")
    return int(any(result["verdict"] in WRONG for result in table.tries(results, -1)))


def _read(log: Path) -> list[dict[str, Any]]:
    """The results that are there."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def _helper(argv: Sequence[str] | None, out: Path, part: int) -> subprocess.Popen[bytes]:
    """Starts another process for its share of the attempts."""
    words = [*(sys.argv[1:] if argv is None else argv), "--out", str(out), "--resume", "--part", str(part)]
    return subprocess.Popen([sys.executable, __file__, *words])


def _attack(todo: Sequence[tuple[int, bool]], arguments: argparse.Namespace, out: Path, log: Path) -> None:
    """Makes the attempts, appends each to the log, and tells of those that went wrong."""
    suite = Suite(out, any(default for _, default in todo))
    kinds = [kind for kind in all_kinds() if kind.name in (arguments.only or [kind.name])]
    before = {table.key(result): result for result in _read(log)} if arguments.again else {}
    print(
        f"seed {arguments.seed}, {len(todo)} attempts, grid of {sum(kind.size for kind in kinds):,}, in {out}",
        flush=True,
    )
    with log.open("a", encoding="utf-8") as file:
        for number, default in todo:
            kind, choice, rng = draw(kinds, arguments.seed, number)
            if (earlier := before.get((number, default))) is not None:  # as it was, even if the grid has grown since
                kind = next(each for each in all_kinds() if each.name == earlier["kind"])
                choice = earlier["choice"]
            result = suite.attempt(number, default, kind, choice, rng)
            file.write(json.dumps(result) + "\n")  # one write of one line, also from several processes
            file.flush()
            if result["verdict"] in WRONG:
                print(table.told(result), flush=True)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # nothing is left to be waited for
