"""A part of a clip through the program: numbers, names and times are the clip's own in every output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes import FRAMES, Program
from following import ctrl_c_at

from vos.io.frames import open_frames

VIDEO, MASK = "video=my clip (1).mp4", "ref_mask=mask 5.png"
PART = ("start=5", "end=00:00.44", "every=2")  # 25 frames a second: up to frame 10
NUMBERS = [5, 7, 9]


def test_every_output_keeps_the_clips_own_numbers_and_times(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(VIDEO, MASK, *PART, "output=[masks,overlay,matte,rle]", "output_dir=out") == 0
    assert "the frames 5 to 9 in steps of 2 of my clip (1).mp4; ref_frame=5\n" in capsys.readouterr().out
    assert sorted(p.stem for p in Path("out/masks").iterdir()) == [f"{n:05d}" for n in NUMBERS]
    assert [entry["image_id"] for entry in json.loads(Path("out/rle.json").read_text())] == NUMBERS
    summary = json.loads(Path("out/summary.json").read_text())
    times = [n / 25 for n in NUMBERS]
    assert [(row["frame"], row["time"]) for row in summary["frames"]] == [(f"{n:05d}", n / 25) for n in NUMBERS]
    for name in ("overlay.mp4", "matte.mov"):
        with open_frames(f"out/{name}") as result:
            assert [frame.time for frame in result] == pytest.approx(times, abs=0.001)


def test_a_part_is_another_run_and_goes_on_after_an_interruption(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [VIDEO, MASK, "output=[masks,rle]", "output_dir=out", "ref_frame=5"]
    with ctrl_c_at(4):
        assert program(*words, "start=3", "end=10") == 130
    assert program(*words, "start=3", "end=10") == 0
    assert "going on after 2 frames" in capsys.readouterr().out
    rle = Path("out/rle.json").read_bytes()
    assert program(*words, "start=3", "end=10", "overwrite=true") == 0
    assert Path("out/rle.json").read_bytes() == rle
    assert program(*words, "start=3", "end=11") == 0
    assert "finished already" not in capsys.readouterr().out
    assert len(list(Path("out/masks").iterdir())) == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["start=12"], "start=12 is beyond the end of my clip (1).mp4, which has 12 frames (0.48 seconds)"),
        (["start=00:09", "end=00:12"], "start=00:09 is beyond the end"),
        (["start=7", "end=7"], "there is no frame between start=7 and end=7"),
        (["start=half"], "start=half is no frame and no time"),
        (["every=0"], "every=0 is outside of 1..100000; the default is 1"),
        (["start=6", "ref_frame=5"], "frame 5 is not among the frames 6 to 11 of my clip (1).mp4; choose another"),
        (["every=2", "ref_frame=5"], "frame 5 is not among the frames 0 to 10 in steps of 2"),
    ],
)
def test_a_range_that_does_not_fit_is_one_line(
    program: Program, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert FRAMES == 12
    assert program(VIDEO, MASK, *words) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not Path("outputs").exists() or not list(Path("outputs").rglob("*.png"))
