"""Which photos an album has, and what their results are called."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from vos.album.listing import album_name, list_album, result_names


def test_names_mirror_the_tree_and_stay_apart(tmp_path: Path) -> None:
    assert result_names(["a.jpg", "A.png", "b/a.jpg", "c.x.jpg"]) == ["a.jpg", "A.png", "b/a", "c.x"]
    for name in ("p/q/1.jpg", "p/q/r/1.jpg", "p/10.png", "p/2.png", "p/out/old.png", "p/.hidden/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    found = list_album(tmp_path / "p", exclude=tmp_path / "p" / "out")
    assert [photo.name for photo in found] == ["2", "10", "q/1", "q/r/1"]
    assert [photo.name for photo in list_album(tmp_path / "p" / "q" / "**" / "*.jpg")] == ["1", "r/1"]
    assert [photo.name for photo in list_album(tmp_path / "p" / "10.png")] == ["10"]
    assert album_name(tmp_path / "p") == album_name(tmp_path / "p" / "*.jpg") == "p"
