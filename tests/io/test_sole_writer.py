"""One run per folder at a time; what a killed run leaves stops nobody and goes away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vos.errors import VosError
from vos.io.atomic import atomic_path
from vos.io.sole_writer import sole_writer, tidy_notes

HOLDER = """
import sys
from pathlib import Path
from vos.io.atomic import atomic_path
from vos.io.sole_writer import sole_writer
folder = Path(sys.argv[1])
with sole_writer(folder, ["masks", "a.mp4"]), atomic_path(folder / "masks") as masks:
    masks.mkdir()
    (masks / "00000.png").write_text("half")
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the middle of writing into the folder."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_second_is_told_who_is_first_and_a_killed_one_stops_nobody(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        message = rf"another run \(process {process.pid}\)"
        with pytest.raises(VosError, match=message) as caught, sole_writer(tmp_path, ["masks"]):
            pytest.fail("two at a time")
        assert "\n" not in str(caught.value)
        with sole_writer(tmp_path / "other", []):  # another folder is free
            pass
        process.kill()
        process.wait()
        assert len(names(tmp_path)) == 2  # the notes and masks that are half-written
        with sole_writer(tmp_path, ["masks"]):
            assert names(tmp_path) == [".vos"]
            assert (tmp_path / ".vos" / "lock").read_text() == str(os.getpid())
    assert names(tmp_path) == []


def test_a_text_where_the_lock_would_be_stays(tmp_path: Path) -> None:
    lock = tmp_path / ".vos" / "lock"
    lock.parent.mkdir()
    lock.write_text("my own notes")
    with pytest.raises(VosError, match="lock was not made by vos; move it away"), sole_writer(tmp_path, []):
        pytest.fail("it began")
    assert lock.read_text() == "my own notes"
    for left in ("", "\0\0\0", "1234567"):  # by a killed run, or a power failure
        lock.parent.mkdir(exist_ok=True)
        lock.write_text(left)
        with sole_writer(tmp_path, []):
            assert lock.read_text() == str(os.getpid())
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, VosError])
def test_nothing_stays_after_a_failure(error: type[BaseException], tmp_path: Path) -> None:
    with pytest.raises(error), sole_writer(tmp_path / "outputs" / "clip", []):
        raise error
    assert names(tmp_path) == []
    with pytest.raises(error), sole_writer(tmp_path / "outputs" / "clip", []):
        (tmp_path / "outputs" / "clip" / "kept.txt").write_text("of use")
        raise error
    assert names(tmp_path / "outputs" / "clip") == ["kept.txt"]


def test_only_what_our_own_writers_leave_is_removed(tmp_path: Path) -> None:
    mine = [
        ".masks.0123abcd.partial",
        ".a.0123abcd.partial.mp4",
        ".masks.0123abcd.old",
        "masks/b/.1.0123abcd.partial.png",
    ]
    others = [
        ".other.0123abcd.partial",
        ".a.0123abcd.partial.mov",
        ".masks.partial",
        ".a.012345678.partial.mp4",
        "a.mp4",
        "masks/b/1.png",
        "masks/b/.1.partial.png",
        "rest/.1.0123abcd.partial.png",
    ]
    for name in mine + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".masks.89abcdef.partial").mkdir()
    (tmp_path / ".masks.89abcdef.partial" / ".1.89abcdef.partial.png").write_text("inside")
    with sole_writer(tmp_path, ["masks", "*.mp4"], targets=[]):
        pass
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == sorted(others)


@pytest.mark.parametrize(("is_chosen", "source"), [(False, "b/clip.mp4"), (True, "b/clip.mp4"), (False, "a/clip.mp4")])
def test_results_of_another_source_stay_unless_the_folder_was_named(
    tmp_path: Path, is_chosen: bool, source: str
) -> None:
    with sole_writer(tmp_path, ["a.txt"], source="a/clip.mp4"), atomic_path(tmp_path / "a.txt") as path:
        path.write_text("first")
    if is_chosen or source == "a/clip.mp4":
        with sole_writer(tmp_path, ["a.txt"], source=source, is_chosen=is_chosen):
            return
    with (
        pytest.raises(VosError, match=r"holds the results of a/clip.mp4; give b/clip.mp4 another output_dir="),
        sole_writer(tmp_path, ["a.txt"], source=source, is_chosen=is_chosen),
    ):
        pytest.fail("it began")


def test_notes_that_a_run_left_at_its_end_go_away_unless_it_lives(tmp_path: Path) -> None:
    with sole_writer(tmp_path, ["a.txt"]), atomic_path(tmp_path / "a.txt") as path:
        path.write_text("done")
    kept = names(tmp_path / ".vos")
    (tmp_path / ".vos" / "resume").mkdir()
    for name in ("lock", ".written.jsonl.partial", "resume/forward.state"):
        (tmp_path / ".vos" / name).touch()
    tidy_notes(tmp_path)
    assert names(tmp_path / ".vos") == sorted([*kept, "resume"])  # from which a corrected run goes on
    with another_process(tmp_path):
        (tmp_path / ".vos" / ".written.jsonl.partial").touch()
        tidy_notes(tmp_path)
        assert (tmp_path / ".vos" / ".written.jsonl.partial").exists()


def test_what_earlier_runs_left_is_removed_if_all_goes_well_and_only_that(tmp_path: Path) -> None:
    patterns = ["a.txt", "masks", "b.*", "mine.txt"]
    for name in ("a.txt", "b.txt", "masks/0.png"):
        with sole_writer(tmp_path, patterns, targets=[]), atomic_path(tmp_path / name) as path:
            path.write_text("ours")
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "c.txt").write_text("of another name")
    before = names(tmp_path)
    with (
        pytest.raises(KeyboardInterrupt),
        sole_writer(tmp_path, patterns, targets=[], stale=patterns) as others,
        others,
    ):
        raise KeyboardInterrupt
    with sole_writer(tmp_path, patterns, targets=[]) as others, others as removed:
        assert removed == []
    assert names(tmp_path) == before
    with sole_writer(tmp_path, patterns, targets=[tmp_path / "a.txt"], stale=patterns) as others:
        with others as removed:
            assert removed == ["masks", "b.txt"]
            assert names(tmp_path) == before
        assert names(tmp_path) == [".vos", "a.txt", "c.txt", "mine.txt"]


def test_what_is_to_be_removed_must_be_ours(tmp_path: Path) -> None:
    with sole_writer(tmp_path, ["masks"], targets=[]), atomic_path(tmp_path / "masks/0.png") as path:
        path.write_text("ours")
    (tmp_path / "masks" / "mine.png").write_text("mine")
    with (
        pytest.raises(VosError, match=r"mine.png would be replaced"),
        sole_writer(tmp_path, ["masks"], targets=[], stale=["masks"]),
    ):
        pytest.fail("it began")
    with sole_writer(tmp_path, ["masks"], targets=[]):
        pass


@pytest.mark.parametrize("place", ["masks", "masks/new"])
def test_results_do_not_go_among_those_of_another_run(tmp_path: Path, place: str) -> None:
    with sole_writer(tmp_path / "a", ["masks"]), atomic_path(tmp_path / "a/masks/0.png") as path:
        path.write_text("ours")
    with (
        pytest.raises(VosError, match=r"lies among the results in .*a; choose"),
        sole_writer(tmp_path / "a" / place, []),
    ):
        pytest.fail("it began")
    assert names(tmp_path / "a" / "masks") == ["0.png"]
    with sole_writer(tmp_path / "a/beside", ["masks"]):
        pass


def test_files_and_links_of_the_users_are_not_touched(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "secret").write_text("mine")
    (out / ".lock").symlink_to(tmp_path / "secret")
    (out / ".resume").write_text("mine")
    (out / "a.txt").write_text("mine")
    before = {path: path.read_text() for path in out.iterdir()}
    with pytest.raises(VosError, match=r"a.txt would be replaced"), sole_writer(out, ["a.txt"]):
        pytest.fail("it began")
    assert {path: path.read_text() for path in out.iterdir()} == before
    with sole_writer(out, ["a.txt"], targets=[out / "b.txt"]):
        pass
    assert {path: path.read_text() for path in out.iterdir()} == before
    assert (tmp_path / "secret").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(VosError, match="cannot write"), sole_writer(tmp_path / "file", []):
        pass
    with atomic_path(tmp_path / "file") as path:
        path.write_text("still usable")
