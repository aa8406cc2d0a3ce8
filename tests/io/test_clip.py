"""What results say of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fakes import ListSource, square_clip
from PIL import Image

from vos.io import clip as module
from vos.io.clip import Clip
from vos.io.frames import open_frames


def test_a_clip_is_told_by_its_content(make_clip: Any, tmp_path: Path) -> None:
    path = make_clip("a.mp4", count=3)
    with open_frames(str(path)) as source:
        clip = Clip.of(source)
    (tmp_path / "b").mkdir()
    moved = path.rename(tmp_path / "b" / "c.mp4")
    with open_frames(str(moved)) as source:
        assert Clip.of(source).digest == clip.digest
        assert Clip.of(source).name == "c"
    moved.write_bytes(moved.read_bytes() + b"\0")
    with open_frames(str(moved)) as source:
        assert Clip.of(source).digest != clip.digest
    for name in ("0.png", "1.png"):
        Image.new("RGB", (8, 8), "red").save(tmp_path / "b" / name)
    for given in (str(tmp_path / "b"), str(tmp_path / "b/*.png")):
        with open_frames(given) as source:
            folder = Clip.of(source)
        assert (folder.name, folder.file_name("1")) == ("b", "1.png")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "b" / "2.jpg")
    with open_frames(str(tmp_path / "b")) as source:
        mixed = Clip.of(source)
    assert [mixed.file_name(name) for name in "012"] == ["0.png", "1.png", "2.jpg"]
    assert Clip.read(mixed.described()) == mixed


def test_a_long_file_is_told_by_parts_from_end_to_end(make_clip: Any, tmp_path: Path, monkeypatch: Any) -> None:
    path = make_clip("a.mp4", count=3)
    monkeypatch.setattr(module, "PART", 8)
    data, digests = path.read_bytes(), set()
    with open_frames(str(path)) as source:
        digests.add(Clip.of(source).digest)
        for at in (0, len(data) - 1):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            digests.add(Clip.of(source).digest)
    assert len(digests) == 3


def test_the_summary_keeps_it_and_live_input_is_another_clip_each_time() -> None:
    ids = {1: 2003}
    clip = Clip.of(ListSource(square_clip(1)), ids)
    assert Clip.read({**clip.described(), "original_ids": {"1": 2003}}) == clip
    assert (clip.original_id(1), clip.original_id(2)) == (2003, 2)
    assert clip.numbered(5) == Clip.of(ListSource(square_clip(2))).numbered(5)
    assert (
        Clip.of(ListSource(square_clip(1), is_live=True)).digest
        != Clip.of(ListSource(square_clip(1), is_live=True)).digest
    )
