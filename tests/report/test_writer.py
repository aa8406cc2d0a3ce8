"""The report of a run: one file with everything in it, bounded however long the video is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from moving_square import ABOUT, clip, square
from PIL import Image

from vos.errors import VosError
from vos.report.review import Review
from vos.report.writer import ReportWriter


def write(folder: Path, count: int = 26, given: tuple[int, ...] = (0,), wrong: Any = None) -> str:
    """Writes a report; returns its page."""
    review = Review(given, count)
    with ReportWriter(folder / "report.html", review, ABOUT) as writer:
        for result in clip(count, wrong):
            review.write(result)
            writer.write(result)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_a_page_tells_what_to_look_at_and_what_made_it(tmp_path: Path) -> None:
    page = write(tmp_path, wrong={7: {"score": 0.2, "side": 6}, 18: {"x": None, "shown": True}})
    shown = re.findall(r"<strong>(\d+)\. (\S+) s, frame (\S+)</strong>", page)
    assert {(time, frame) for _, time, frame in shown[:2]} == {("0.28", "00007"), ("0.72", "00018")}
    assert "predicted IoU fell from 0.90 to 0.20" in page
    assert "Me &amp; &lt;my&gt; clip" in page
    assert "present in 25 frames, absent in 1 frame, predicted IoU 0.20 to 0.90" in page
    assert "nano, nano.safetensors (SHA-256 abcdef012345" in page
    assert re.search(r"<dt>tracker.points</dt>\s*<dd>1</dd>", page)
    assert "secret" not in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames_to_check.png", "report.html"]
    with Image.open(tmp_path / "frames_to_check.png") as sheet:
        assert sheet.width > 256


def test_the_sheet_names_frames_by_number_and_tells_the_whole_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = list[str]()

    def text(_: Any, __: Any, line: str, *___: Any) -> None:
        written.append(line)

    monkeypatch.setattr("PIL.ImageDraw.ImageDraw.text", text)
    write(tmp_path, wrong={7: {"score": 0.2, "side": 6}})
    assert written[1:4] == ["frame 7 · 0.28 s", "object_1", "predicted IoU fell from 0.90 to 0.20"]
    assert not any("..." in line.removesuffix(" ...") for line in written)


def test_a_page_asks_for_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = write(tmp_path)
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "url(" not in page
    assert "@import" not in page
    assert "<script" not in page


def test_every_picture_has_a_text_and_a_size(tmp_path: Path) -> None:
    pictures = re.findall(r"<img [^>]+>", write(tmp_path))
    assert len(pictures) > 4
    assert all(re.search(r'width="\d+" height="\d+" alt="\w', each) for each in pictures)


def test_the_page_of_a_long_video_is_small(tmp_path: Path) -> None:
    short, long = (len(write(tmp_path / str(count), count)) for count in (600, 5000))
    assert long < 1.5 * short
    assert long < 400_000


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a") == write(tmp_path / "b")
    sheets = [(tmp_path / name / "frames_to_check.png").read_bytes() for name in "ab"]
    assert sheets[0] == sheets[1]


def test_where_every_frame_is_given_there_is_nothing_to_check(tmp_path: Path) -> None:
    page = write(tmp_path, 3, given=(0, 1, 2))
    assert "None: every frame was given" in page
    assert (tmp_path / "frames_to_check.png").exists()


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    review = Review()
    with (
        pytest.raises(KeyboardInterrupt),
        ReportWriter(tmp_path / "report.html", review, ABOUT) as writer,
    ):
        review.write(square(0, 10))
        writer.write(square(0, 10))
        raise KeyboardInterrupt
    (tmp_path / "frames_to_check.png").mkdir()  # the user's own
    (tmp_path / "frames_to_check.png" / "note").touch()
    with pytest.raises(VosError):
        write(tmp_path / "frames_to_check.png" / "note")
    assert [path.name for path in tmp_path.rglob("*")] == ["frames_to_check.png", "note"]


def test_the_screen_names_three(tmp_path: Path) -> None:
    def lines(wrong: Any) -> list[str]:
        review = Review((0,), 80)
        for result in clip(80, wrong):
            review.write(result)
        return review.lines()

    assert lines({}) == ["no frame stands out"]
    wrong = {k: {"score": 0.05 + k / 1000, "side": 4} for k in (10, 25, 40, 55)}
    told = lines(wrong)
    assert told[0] == "frames to look at first:"
    assert [re.search(r"frame (\d+), object_1: \w", line)[1] for line in told[1:]] == ["00010", "00025", "00040"]  # type: ignore[index]
