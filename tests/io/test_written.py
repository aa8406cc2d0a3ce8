"""Only what a run of vos wrote, as it wrote it, is ever replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vos.errors import VosError
from vos.io.atomic import atomic_path
from vos.io.written import Written


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
