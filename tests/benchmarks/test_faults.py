"""The judge of benchmarks/faults.py sees what is wrong, and what is drawn at random from its grid holds."""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import faults
import pytest
from faulting import judge, kinds, table, watch
from faulting.fault import Fault, Outcome
from faulting.judge import HANG, LOST, ONE_LINE, REFUSED, RIGHT, SILENT, TRACEBACK
from faulting.kinds import kills
from planted import fail, planted

from vos.adaptation.config import AdaptConfig
from vos.tracking import persam_tracker

ROOT = Path(__file__).resolve().parents[2]


def ended(code: int | None = 0, err: str = "", signal: int | None = None, hung: bool = False) -> Outcome:
    return Outcome(code, signal, hung, "", err, 1.0)


@pytest.mark.parametrize(
    ("outcome", "losses", "problem", "refuse", "expected"),
    [
        (ended(), [], None, True, RIGHT),
        (ended(), [], "5 masks of 6", True, SILENT),
        (ended(), ["own.png gone"], None, True, LOST),
        (ended(2, "error: no\n"), ["own.png gone"], None, True, LOST),
        (ended(2, "warning: x\n 50%|\rerror: no such mask\n"), [], None, True, ONE_LINE),
        (ended(2, "error: no such mask\n"), [], None, False, REFUSED),
        (ended(2, ""), [], None, True, TRACEBACK),
        (ended(2, "error: a\nerror: b\n"), [], None, True, TRACEBACK),
        (ended(0, "Traceback (most recent call last):\n  File\nKeyError: 1\n"), [], None, True, TRACEBACK),
        (ended(1), [], None, True, TRACEBACK),
        (ended(None, signal=11), [], None, True, TRACEBACK),
        (ended(None, signal=9, hung=True), [], None, True, HANG),
        (ended(130, "interrupted; go on with the same command\n"), [], None, True, ONE_LINE),
    ],
)
def test_verdicts(outcome: Outcome, losses: list[str], problem: str | None, refuse: bool, expected: str) -> None:
    assert judge.judge(outcome, losses, lambda: problem, may_refuse=refuse).verdict == expected


def test_a_warning_excuses_less_only_where_that_is_agreed() -> None:
    outcome = ended(err="warning: 1 frame is damaged or missing\n")
    assert judge.judge(outcome, [], lambda: "5 masks", warning_excuses=True).verdict == RIGHT
    assert judge.judge(outcome, [], lambda: "5 masks").verdict == SILENT
    assert judge.judge(ended(), [], lambda: "5 masks", warning_excuses=True).verdict == SILENT


def test_losses_are_seen_in_files_and_links(tmp_path: Path) -> None:
    for name in ("same", "changed", "gone"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "link").symlink_to("same")
    before = judge.snapshot(tmp_path)
    (tmp_path / "changed").write_text("theirs")
    (tmp_path / "gone").unlink()
    (tmp_path / "new").write_text("a result")
    (tmp_path / "link").unlink()
    (tmp_path / "link").write_text("mine")
    assert judge.lost(before, judge.snapshot(tmp_path)) == ["changed changed", "gone gone", "link changed"]


def test_a_digest_leaves_out_only_what_a_run_took(tmp_path: Path) -> None:
    digests = []
    for seconds, frames in ((1.0, 6), (2.0, 6), (2.0, 5)):
        (tmp_path / "summary.json").write_text(json.dumps({"timings_seconds": {"read": seconds}, "frames": frames}))
        digests.append(kills.digest(tmp_path))
    assert digests[0] == digests[1]
    assert kills.difference(digests[1], digests[2]) == "1 files differ from an undisturbed run: summary.json"


def test_draws_repeat_and_cover_every_kind() -> None:
    every = faults.all_kinds()
    drawn = [faults.draw(every, 7, number)[:2] for number in range(2000)]
    assert drawn == [faults.draw(every, 7, number)[:2] for number in range(2000)]
    assert {kind.name for kind, _ in drawn} == {kind.name for kind in every}
    assert drawn != [faults.draw(every, 8, number)[:2] for number in range(2000)]


def test_what_another_version_has_left_is_no_measure(tmp_path: Path) -> None:
    kept = tmp_path / "material" / "references" / "masks.json"
    for version, stays in ((None, False), (None, True), ("another", False)):
        if version is not None:
            (tmp_path / "version").write_text(version)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("{}")
        faults._forget_another(tmp_path)
        assert kept.exists() is stays, version


def tried(number: int, kind: str, verdict: str, commit: str = "aaa", is_default: bool = False) -> table.Result:
    rest = {"choice": {"name": "x"}, "what": "w", "learned": is_default, "machine": "a machine"}
    told = {"number": number, "kind": kind, "verdict": verdict, "commit": commit, "default_options": is_default}
    return told | rest


RESULTS = [tried(1, "cuts", RIGHT), tried(2, "cuts", SILENT), tried(3, "names", ONE_LINE)]


def test_the_table_counts() -> None:
    rows = table.table(RESULTS).splitlines()
    assert rows[2] == "| cuts | 2 | 1 | 0 | 0 | 0 | 0 | 1 | 0 |"
    assert rows[-1] == "| **all** | 3 | 1 | 1 | 0 | 0 | 0 | 1 | 0 |"


def test_the_page_says_what_became_of_what_did_not_hold() -> None:
    page = table.page([*RESULTS, tried(4, "cuts", LOST, is_default=True)], ["--count 4"])
    assert "## 3 attempts with a small picture" in page
    assert "## 1 attempts with default options, 1 of which learned" in page
    assert "2 of 4 did not hold at first; 0 of these held when they were tried again" in page
    assert "- cuts, name x: silently wrong (w)\n" in page
    assert page.endswith("\nDrawn at commit aaa on a machine.\n")
    again = table.page([*RESULTS, tried(2, "cuts", RIGHT, commit="bbb")], ["--count 3"])
    assert "| cuts | 2 | 1 | 0 | 0 | 0 | 0 | 1 | 0 |" in again  # the first try counts
    assert "1 of 3 did not hold at first; 1 of these held" in again
    assert "- cuts, name x: silently wrong (w); mended, at commit bbb on a machine\n" in again
    assert "Nothing." in table.page(RESULTS[::2], ["--count 2"])


def test_the_page_in_the_documents_is_as_it_was_written() -> None:
    page = faults.DOCS.read_text(encoding="utf-8")
    begin, end = table.HEAD.split("{words}")
    assert page.startswith(begin)
    assert end in page
    assert re.search(r"\nDrawn at commit [0-9a-f]+ on [^\n]+\.\n$", page)  # nothing was added by hand


def test_what_is_tried_again_is_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the grid has grown since, so that the number stands for another attempt."""
    made: list[object] = []

    class Suite:
        def __init__(self, *_: object) -> None: ...

        def attempt(
            self, number: int, default: bool, kind: kinds.Kind, choice: kinds.Choice, rng: object
        ) -> table.Result:
            made.append((number, default, kind.name, choice))
            return tried(number, kind.name, RIGHT)

    monkeypatch.setattr(faults, "Suite", Suite)
    first = tried(2, "names", SILENT)
    (tmp_path / "results.jsonl").write_text(json.dumps(first) + "\n")
    assert faults.main(["--out", str(tmp_path), "--count", "3", "--again"]) == 0
    assert made == [(2, False, "names", {"name": "x"})]
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 2


def test_only_what_did_not_hold_is_tried_again() -> None:
    options = argparse.Namespace(first=1, count=4, default_options=1, jobs=1, part=0, resume=True, again=False)
    assert faults.numbers(options, RESULTS) == [(4, True)]
    options.again = True
    assert faults.numbers(options, RESULTS) == [(2, False)]
    assert faults.numbers(options, [*RESULTS, tried(2, "cuts", RIGHT)]) == []


def spoil() -> int:
    Path("own.txt").write_text("spoiled")
    return 0


def stay() -> int:
    time.sleep(60)
    return 0


def fail_aside() -> int:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    return 0


def write_twice() -> int:
    for name in ("first", "second"):
        Path(name).write_text(name)
    return 0


PLANTED: list[tuple[Callable[[], int], str]] = [
    (fail, TRACEBACK),
    (fail_aside, TRACEBACK),
    (spoil, LOST),
    (stay, HANG),
    (lambda: 0, SILENT),
    (lambda: sys.stderr.write("error: no\n") and 2, ONE_LINE),
]


@pytest.mark.parametrize(("main", "expected"), PLANTED)
def test_the_sandbox_notices_what_is_planted(
    main: Callable[[], int], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = planted(main, tmp_path, monkeypatch)
    (tmp_path / "work" / "own.txt").write_text("mine")
    before = judge.snapshot(tmp_path / "work")
    outcome = program.run("run", [], tmp_path / "work", timeout=1.0)
    losses = judge.lost(before, judge.snapshot(tmp_path / "work"))
    assert judge.judge(outcome, losses, lambda: "nothing was written").verdict == expected


def test_a_kill_comes_at_the_write_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = planted(write_twice, tmp_path, monkeypatch)
    assert program.run("run", [], tmp_path / "work").events == 2
    (tmp_path / "work" / "first").unlink()
    (tmp_path / "work" / "second").unlink()
    outcome = program.run("run", [], tmp_path / "work", Fault(at_event=1))
    assert outcome.signal == signal.SIGKILL
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["first"]


@pytest.mark.parametrize("enabled", [False, True])
def test_a_run_that_learns_is_known(enabled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persam_tracker, "adapt", lambda *_: 0)
    config = AdaptConfig(enabled=enabled)
    program = planted(lambda: persam_tracker.adapt(None, None, None, config), tmp_path, monkeypatch)  # type: ignore[attr-defined]
    assert program.run("run", [], tmp_path / "work").learned is enabled


@pytest.mark.slow
def test_what_is_drawn_holds(tmp_path: Path) -> None:
    """Twenty attempts, in a process of their own: it must not have threads when it forks."""
    command = [
        sys.executable,
        "benchmarks/faults.py",
        "--count",
        "20",
        "--seed",
        "1",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert len(results) == 20
    assert {result["verdict"] for result in results} <= {RIGHT, ONE_LINE}


def test_a_run_cannot_reach_what_is_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite may run as root: a device file that a run would replace must survive it."""
    monkeypatch.setattr(watch.tempfile, "gettempdir", lambda: str(tmp_path / "suite"))
    (tmp_path / "suite").mkdir()
    (tmp_path / "outside").write_text("precious")

    def replace() -> int:
        Path("new").write_text("new")
        Path("new").replace(tmp_path / "outside")
        return 0

    def overwrite_through_link() -> int:
        Path("link").symlink_to(tmp_path / "outside")
        Path("link").write_text("new")
        return 0

    for number, main in enumerate((replace, overwrite_through_link)):
        program = planted(main, tmp_path / "suite", monkeypatch, f"work{number}")
        outcome = program.run("run", [], tmp_path / "suite" / f"work{number}")
        assert outcome.code == watch.LEFT
        assert "outside" in outcome.err
        assert (tmp_path / "outside").read_text() == "precious"
    assert watch.touched("os.rename", ("a", "/dev/null", -1, -1))[1] == "/dev/null"
    assert watch.touched("open", ("/dev/null", "w", 1)) == []
