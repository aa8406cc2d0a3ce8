"""Folders of pictures as videos."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from vos.errors import VosError
from vos.io.frames import open_frames


def test_folder_in_natural_order_named_after_files(tmp_path: Path) -> None:
    for number in (10, 9, 1, 100):
        Image.new("RGB", (6, 4), (number, 0, 0)).save(tmp_path / f"img{number}.png")
    (tmp_path / "notes.txt").write_text("no image")
    with open_frames(str(tmp_path)) as source:
        frames = list(source)
        assert [f.name for f in frames] == ["img1", "img9", "img10", "img100"]
        assert [int(f.rgb[0, 0, 0]) for f in frames] == [1, 9, 10, 100]
        assert (source.count, source.size) == (4, (4, 6))
        assert [f.index for f in source.reversed_frames(3)] == [3, 2, 1, 0]
        assert [f.time * source.fps for f in frames] == pytest.approx([0, 1, 2, 3])
    with open_frames(str(tmp_path / "img1*.png")) as source:
        assert [f.name for f in source] == ["img1", "img10", "img100"]


def test_folder_problems_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(VosError, match="no images"):
        open_frames(str(tmp_path))
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png")
    Image.new("RGB", (6, 5)).save(tmp_path / "b.png")
    with pytest.raises(VosError, match=r"b\.png is 5x6, but a\.png is 4x6"):
        list(open_frames(str(tmp_path)))
    Image.new("RGB", (6, 4)).save(tmp_path / "a.jpg")
    with pytest.raises(VosError, match=r"a\.(png|jpg) and a\.(png|jpg)"):
        open_frames(str(tmp_path))
