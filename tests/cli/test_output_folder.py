"""One run per folder at a time; what a killed run leaves stops nobody and goes away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vos.cli.output_folder import sole_writer
from vos.errors import VosError
from vos.io.atomic import atomic_path

HOLDER = """
import sys
from pathlib import Path
from vos.io.atomic import atomic_path
from vos.cli.output_folder import sole_writer
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
        assert len(names(tmp_path)) == 2  # the lock file and masks that are half-written
        with sole_writer(tmp_path, ["masks"]):
            assert names(tmp_path) == [".lock"]
            assert (tmp_path / ".lock").read_text() == str(os.getpid())
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
    with sole_writer(tmp_path, ["masks", "*.mp4"]):
        pass
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == sorted(others)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(VosError, match="cannot write"), sole_writer(tmp_path / "file", []):
        pass
    with atomic_path(tmp_path / "file") as path:
        path.write_text("still usable")
