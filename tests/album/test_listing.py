"""Which photos an album has, and what their results are called."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from vos.album.listing import album_name, list_album, result_names
from vos.errors import VosError
from vos.io.atomic import atomic_path
from vos.io.written import Written


def test_names_mirror_the_tree_and_stay_apart(tmp_path: Path) -> None:
    assert result_names(["a.jpg", "A.png", "b/a.jpg", "c.x.jpg"]) == ["a.jpg", "A.png", "b/a", "c.x"]
    for name in ("p/q/1.jpg", "p/q/r/1.jpg", "p/10.png", "p/2.png", "p/out/old.png", "p/.hidden/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    found = list_album(tmp_path / "p", exclude=tmp_path / "p" / "out").photos
    assert [photo.name for photo in found] == ["2", "10", "q/1", "q/r/1"]
    assert [photo.name for photo in list_album(tmp_path / "p" / "q" / "**" / "*.jpg").photos] == ["1", "r/1"]
    assert [photo.name for photo in list_album(tmp_path / "p" / "10.png").photos] == ["10"]
    assert album_name(tmp_path / "p") == album_name(tmp_path / "p" / "*.jpg") == "p"


def test_results_of_equal_stems_stay_apart() -> None:
    assert result_names(["a.jpg", "a.png", "a.jpg.png"]) == ["a.jpg", "a.png", "a.jpg.png"]


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    for name in ("1.png", "deep/2.png", "film.mov", "notes", ".hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name, format="PNG")
    (tmp_path / "linked.png").symlink_to(tmp_path / "1.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "folder").symlink_to(tmp_path / "deep")
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    os.mkfifo(tmp_path / "pipe.png")
    album = list_album(tmp_path, exclude=tmp_path / "out")
    assert [photo.key for photo in album.photos] == ["1.png", "deep/2.png", "linked.png"]
    assert album.describe_left_out() == (
        "1 .mov, 2 broken link, 1 linked folder, 1 no regular file, 1 without a suffix"
    )


def test_earlier_results_of_albums_and_videos_are_no_photos(tmp_path: Path) -> None:
    for name in ("1.png", "a/masks/1.png", "b/contact_sheet.png", "c/masks/0.png", "mine/masks/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "a" / ".vos").mkdir()
    (tmp_path / "a" / ".vos" / "written.jsonl").write_text('{"vos": "0.4.0", "source": "x"}\n')
    record = {"version": "0.3.0", "model": {"name": "nano", "checkpoint": "nano.safetensors"}}
    (tmp_path / "b" / "album.json").write_text(json.dumps(record))
    (tmp_path / "c" / "summary.json").write_text(json.dumps({"versions": {}, "model": record["model"]}))
    (tmp_path / "mine" / "summary.json").write_text('{"mine": true}')
    album = list_album(tmp_path)
    assert [photo.key for photo in album.photos] == ["1.png", "mine/masks/1.png"]
    assert album.left_out["in earlier results"] == 3
    assert [photo.key for photo in list_album(tmp_path / "a" / "masks").photos] == ["1.png"]  # asked for by name


def test_results_written_among_the_photos_are_no_photos(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "1.png")
    (tmp_path / ".vos").mkdir()
    written = Written(tmp_path)
    with written.active("clip.mp4"), atomic_path(tmp_path / "masks" / "0.png") as temporary:
        Image.new("L", (4, 4)).save(temporary, format="PNG")
    Image.new("RGB", (4, 4)).save(tmp_path / "masks" / "mine.png")
    album = list_album(tmp_path)
    assert [photo.key for photo in album.photos] == ["1.png", "masks/mine.png"]
    assert album.left_out == {"in earlier results": 1}


def test_an_album_among_its_results_is_refused(tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "album" / "1.png")
    for folder in (tmp_path / "album", tmp_path):
        with pytest.raises(VosError, match="lies in output_dir="):
            list_album(tmp_path / "album", exclude=folder)
