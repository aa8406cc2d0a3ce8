"""Only what a run of vos wrote, as it wrote it, is ever replaced."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import vos.io.written
from vos.errors import VosError
from vos.io.atomic import atomic_path
from vos.io.written import Written

DIGEST = vos.io.written._digest


def write(folder: Path, *names: str, text: str = "ours") -> None:
    """A run that writes these files; a name that ends in a slash is a folder with two masks."""
    (folder / ".vos").mkdir(parents=True, exist_ok=True)
    with Written(folder).active("clip.mp4"):
        for name in names:
            with atomic_path(folder / name) as path:
                if name.endswith("/"):
                    path.mkdir()
                    (path / "0.png").write_text(text)
                    (path / "1.png").write_text(text)
                else:
                    path.write_text(text)


def refused(folder: Path, *names: str, inputs: tuple[tuple[str, Path], ...] = ()) -> str:
    """What is said against replacing them; "" if nothing."""
    try:
        Written(folder).check([folder / name for name in names], inputs)
    except VosError as error:
        return str(error)
    return ""


def test_what_a_run_wrote_may_be_replaced_by_the_next(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "masks/")
    assert refused(tmp_path, "a.txt", "masks", "not there") == ""
    write(tmp_path, "a.txt", "masks/", text="theirs")
    assert (tmp_path / "masks" / "1.png").read_text() == "theirs"
    assert refused(tmp_path, "a.txt", "masks") == ""


@pytest.mark.parametrize("name", ["a.txt", "masks/0.png"])
def test_what_was_changed_since_is_the_users(tmp_path: Path, name: str) -> None:
    write(tmp_path, "a.txt", "masks/")
    (tmp_path / name).write_text("mine")  # of the same size
    assert refused(tmp_path, "a.txt", "masks").startswith(f"{tmp_path / name} would be replaced")
    with pytest.raises(VosError, match="would be replaced"):
        write(tmp_path, "a.txt", "masks/")
    assert (tmp_path / name).read_text() == "mine"


def test_what_came_beside_a_runs_files_is_the_users(tmp_path: Path) -> None:
    write(tmp_path, "masks/")
    (tmp_path / "masks" / ".DS_Store").touch()
    assert refused(tmp_path, "masks") == ""
    (tmp_path / "masks" / "my own.png").touch()
    assert "my own.png would be replaced" in refused(tmp_path, "masks")


def test_it_is_said_whose_a_file_is_that_would_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine")
    assert "a.txt would be replaced, but it is yours: no run of vos wrote it; move it away" in refused(
        tmp_path, "a.txt"
    )
    (tmp_path / "summary.json").write_text('{"checkpoint": "..."}')
    assert "nothing says that a run of vos wrote it (runs before 0.4.0 kept no record)" in refused(tmp_path, "a.txt")
    write(tmp_path, "masks/")
    assert "a.txt would be replaced, but it is yours" in refused(tmp_path, "a.txt")
    (tmp_path / "masks" / "0.png").write_text("changed")
    for _ in range(2):  # also after a run that left them alone
        assert "0.png would be replaced, but it was changed since vos wrote it" in refused(tmp_path, "masks")
        write(tmp_path, "b.txt")


def test_what_was_changed_since_is_found_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "masks/")
    for name in ("masks/0.png", "masks/1.png", "a.txt"):
        os.utime(tmp_path / name, ns=(0, 0))
    (tmp_path / "masks" / "own.png").write_text("mine")
    assert Written(tmp_path).changed(tmp_path / "masks") == []
    for name in ("masks/1.png", "a.txt"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "masks" / "0.png").write_text("")
    for _ in range(2):
        written = Written(tmp_path)
        assert written.changed(tmp_path / "masks") == [tmp_path / "masks" / "1.png"]
        assert written.changed(tmp_path / "a.txt") == [tmp_path / "a.txt"]
        write(tmp_path, "b.txt")


def test_what_a_run_wrote_at_a_path_or_below_it_is_known(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "masks/")
    (tmp_path / "mask").mkdir()
    written = Written(tmp_path)
    held = [written.holds(tmp_path / name) for name in ("a.txt", "masks", "masks/0.png", "mask", "b")]
    assert held == [True, True, True, False, False]


@pytest.mark.parametrize("target", ["elsewhere.txt", "nowhere"])
def test_a_link_is_the_users_wherever_it_points(tmp_path: Path, target: str) -> None:
    write(tmp_path, "a.txt", "elsewhere.txt")
    (tmp_path / "a.txt").unlink()
    (tmp_path / "a.txt").symlink_to(target)
    assert "a.txt would be replaced" in refused(tmp_path, "a.txt")


def test_a_copy_of_the_folder_is_still_ours(tmp_path: Path) -> None:
    write(tmp_path / "a", "a.txt", "masks/")
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)  # other times
    assert refused(tmp_path / "b", "a.txt", "masks") == ""


@pytest.mark.parametrize("kept", ["written.jsonl", "written.copy.jsonl"])
@pytest.mark.parametrize("damage", [b"", b'{"vos": "0.4.0", "sou', bytes(range(256)), b"[1]\n1\nnull\n{}\n"])
def test_damage_to_one_copy_of_the_record_costs_nothing(tmp_path: Path, kept: str, damage: bytes) -> None:
    write(tmp_path, "a.txt", "masks/")
    (other,) = {"written.jsonl", "written.copy.jsonl"} - {kept}
    (tmp_path / ".vos" / other).write_bytes(damage)
    assert refused(tmp_path, "a.txt", "masks") == ""
    write(tmp_path, "a.txt")
    assert (tmp_path / ".vos" / other).read_bytes() == (tmp_path / ".vos" / kept).read_bytes()


def test_a_line_that_was_cut_does_not_spoil_the_next(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    for name in ("written.jsonl", "written.copy.jsonl"):
        with (tmp_path / ".vos" / name).open("a") as file:
            file.write('{"path": "b.t')
    record = Written(tmp_path)
    (tmp_path / "new").write_text("ours")
    record.claim(tmp_path / "new", tmp_path / "b.txt")  # and then it is killed
    (tmp_path / "new").rename(tmp_path / "b.txt")
    assert refused(tmp_path, "a.txt", "b.txt") == ""


def test_a_folder_of_notes_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".vos").mkdir()
    Written(tmp_path)
    (tmp_path / ".vos" / "settings").touch()
    with pytest.raises(VosError, match="was not made by vos"):
        Written(tmp_path)
    shutil.rmtree(tmp_path / ".vos")
    (tmp_path / "own").mkdir()
    (tmp_path / ".vos").symlink_to("own")
    with pytest.raises(VosError, match="was not made by vos"):
        Written(tmp_path)


def test_what_a_kill_left_half_written_among_the_masks_stops_nobody(tmp_path: Path) -> None:
    write(tmp_path, "masks/")
    (tmp_path / "masks" / ".0.01234567.partial.png").touch()
    (tmp_path / "masks" / ".DS_Store").touch()
    assert refused(tmp_path, "masks") == ""


def test_a_folder_is_noted_once_and_not_file_by_file(tmp_path: Path) -> None:
    (tmp_path / ".vos").mkdir()
    with Written(tmp_path).active("clip.mp4"), atomic_path(tmp_path / "masks") as folder:
        folder.mkdir()
        with atomic_path(folder / "0.png") as mask:
            mask.write_text("ours")
        assert "0.png" not in (tmp_path / ".vos" / "written.jsonl").read_text()
    assert '"masks/0.png"' in (tmp_path / ".vos" / "written.jsonl").read_text()


def test_a_copy_of_ours_is_read_once_to_know_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.txt")
    os.utime(tmp_path / "a.txt", ns=(0, 0))
    read: list[Path] = []
    monkeypatch.setattr(vos.io.written, "_digest", lambda path: read.append(path) or DIGEST(path))
    write(tmp_path, "b.txt")
    assert read.count(tmp_path / "a.txt") == 1
    assert refused(tmp_path, "a.txt") == ""
    assert read.count(tmp_path / "a.txt") == 1, "its new time is known"


def test_an_emptied_result_is_nobodys_loss_but_an_empty_file_of_the_users_is_theirs(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    for name in ("a.txt", "mine.txt"):
        (tmp_path / name).write_text("")
    assert refused(tmp_path, "a.txt") == ""
    assert "mine.txt would be replaced" in refused(tmp_path, "mine.txt")


@pytest.mark.parametrize("name", ["written.jsonl", "written.copy.jsonl"])
def test_nothing_is_written_through_a_link_among_the_notes(tmp_path: Path, name: str) -> None:
    write(tmp_path, "a.txt")
    (tmp_path / ".vos" / name).unlink()
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / ".vos" / name).symlink_to(tmp_path / "mine.txt")
    with pytest.raises(VosError, match="was not made by vos"):
        write(tmp_path, "a.txt")
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("given", ["masks", "masks/0.png", "link.png"])
def test_an_input_is_never_replaced_even_if_it_is_ours(tmp_path: Path, given: str) -> None:
    write(tmp_path, "masks/")
    (tmp_path / "link.png").symlink_to("masks/0.png")
    assert "lies where this run would write" in refused(tmp_path, "masks", inputs=(("ref_mask", tmp_path / given),))
    assert refused(tmp_path, "overlay.mp4", inputs=(("ref_mask", tmp_path / given),)) == ""


def test_the_record_holds_what_is_there_in_the_end(tmp_path: Path) -> None:
    write(tmp_path, "masks/", "a.txt")
    (tmp_path / "masks" / "1.png").unlink()
    write(tmp_path, "a.txt")
    rows = [json.loads(line) for line in (tmp_path / ".vos" / "written.jsonl").read_text().splitlines()]
    assert rows[0]["source"] == "clip.mp4"
    assert [row["path"] for row in rows[1:]] == ["a.txt", "masks/0.png"]
    assert sorted(path.name for path in (tmp_path / ".vos").iterdir()) == ["written.copy.jsonl", "written.jsonl"]
