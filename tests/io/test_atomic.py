"""Nothing half-written stands under a final name."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from vos.errors import VosError
from vos.io.atomic import atomic_path


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_the_old_file_and_nothing_else(error: type[BaseException], tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), atomic_path(target) as temporary:
        temporary.write_text("half")
        assert temporary.parent == target.parent
        assert temporary.suffix == ".txt"
        raise error
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert target.read_text() == "old"


def test_success_replaces_file_and_folder(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with atomic_path(tmp_path / "new" / "a.txt") as temporary:
            temporary.write_text(text)
        with atomic_path(tmp_path / "folder") as temporary:
            temporary.mkdir()
            (temporary / text).write_text(text)
    assert (tmp_path / "new" / "a.txt").read_text() == "second"
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["second"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "new"]


def test_full_disk_and_forbidden_place_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(VosError, match="disk is full"), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(VosError, match="cannot write"), atomic_path(tmp_path / "file" / "a.txt"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    """As root, a run that was told to write to /dev/null put a file in its place."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(VosError, match="device, pipe or socket"), atomic_path(tmp_path / "pipe") as temporary:
        temporary.write_text("new")
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
