"""Where time and memory went: sums that hold however long a run is, a table, and a picture of all threads."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from fakes import FRAMES, Program
from PIL import Image

from vos.cli.profile import BINS, BLOCKS, CLOSE_UP, MAIN, Profile, peak_memory, resident_memory
from vos.cli.timeline import COLOURS, LANE, LEFT, PAPER, TITLE, draw_timeline

VIDEO, MASK = "video=my clip (1).mp4", "ref_mask=mask 0.png"


@pytest.fixture
def profile() -> Profile:
    """Of a run that begins now."""
    return Profile(is_first=False)


def add(profile: Profile, stage: str, begin: float, end: float, frames: int = 1) -> None:
    """Adds a block, in seconds of the run."""
    profile.on_block(stage, profile._begin + begin, profile._begin + end, frames)


def test_a_long_run_takes_no_more_memory_and_loses_no_second(profile: Profile) -> None:
    for k in range(20_000):
        add(profile, "track" if k % 2 else "learn", 10.0 * k, 10.0 * k + 5.0)
    assert {len(bins) for bins in profile.busy.values()} == {BINS}
    assert len(profile.close_up) <= BLOCKS
    assert sum(map(sum, profile.busy.values())) == pytest.approx(100_000)
    assert max(map(max, profile.busy.values())) <= profile.width
    assert 200_000 / BINS <= profile.width < 2 * 200_000 / BINS
    assert (profile.stages["track"].seconds, profile.stages["track"].frames) == (pytest.approx(50_000), 10_000)


def test_the_first_seconds_of_tracking_are_kept_block_by_block(profile: Profile) -> None:
    add(profile, "learn", 0.0, 7.0)
    for k in range(100):
        add(profile, "track", 7.0 + 0.1 * k, 7.05 + 0.1 * k)
    tracked = [block for block in profile.close_up if block.stage == "track"]
    assert profile.tracking == pytest.approx(7.0)
    assert len(tracked) == pytest.approx(CLOSE_UP / 0.1, abs=1)


def test_the_table_says_what_was_measured(profile: Profile) -> None:
    add(profile, "track", 0.0, 0.5, frames=50)
    add(profile, "start", 0.0, 0.25, frames=0)
    start, track, whole = profile.table().splitlines()[1:]
    assert start.split()[:2] == ["start", "0.25"]
    assert track.split()[:2] == ["track", "0.50"]
    assert track.split()[3:5] == ["50", "10.0"]
    assert whole.split()[0] == "run"
    assert all(re.search(r" [1-9]\d+ MiB$", line) for line in (start, track, whole))


def test_memory_is_that_of_this_process() -> None:
    before, held = resident_memory(), bytearray(200 * 2**20)
    held[:: 2**12] = b"x" * len(held[:: 2**12])
    assert resident_memory() - before > 150 * 2**20
    assert peak_memory() >= resident_memory() * 0.99
    del held


def test_time_begins_with_the_process() -> None:
    assert Profile(is_first=True).seconds > Profile(is_first=False).seconds + 0.05
    assert list(Profile(is_first=True).stages) == ["start"]


def test_the_picture_has_a_lane_for_each_thread_and_work_in_its_colour(tmp_path: Path, profile: Profile) -> None:
    profile._begin -= 10.0  # ten seconds ago
    other = threading.Thread(target=add, args=(profile, "encode", 0.0, 5.0), name="encode")
    other.start()
    other.join()
    add(profile, "track", 5.0, 10.0)
    draw_timeline(profile, tmp_path / "profile.png")
    with Image.open(tmp_path / "profile.png") as image:
        quarter = (image.width - LEFT) // 4
        panel = [
            image.getpixel((LEFT + quarter * k, TITLE + LANE * 3 // 2 * lane + 14)) for lane in (0, 1) for k in (1, 3)
        ]
        corner = image.getpixel((image.width - 1, 0))
    assert list(profile.busy) == [("encode", "encode"), (MAIN, "track")]
    assert [colour in COLOURS for colour in panel] == [True, False, False, True]
    assert panel[0] != panel[3]
    assert corner == PAPER


def test_a_run_shows_its_profile(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(VIDEO, MASK, "output=[masks]", "output_dir=out", "profile=true") == 0
    rows = {words[0]: words for line in capsys.readouterr().out.splitlines() if (words := line.split())}
    assert set(rows) >= {"start", "load", "read", "encode", "learn", "track", "merge", "write", "run"}
    assert [rows[name][3] for name in ("read", "encode", "merge")] == [str(FRAMES)] * 3
    assert rows["track"][3] == str(FRAMES - 1)
    with Image.open("out/profile.png") as image:
        assert image.width > 1000
    assert program(VIDEO, MASK, "output=[masks]", "output_dir=out") == 0  # the same results: nothing is done again
    assert "is finished already" in capsys.readouterr().out


def test_a_script_is_told_of_the_picture(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(VIDEO, MASK, "output=[masks]", "output_dir=out", "profile=true", "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "out/profile.png" in line


def test_a_picture_of_the_users_is_not_replaced(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    words = (VIDEO, MASK, "output=[masks]", "output_dir=out")
    Path("out").mkdir()
    Path("out/profile.png").write_text("mine")
    assert program(*words, "profile=true") == 2
    assert "profile.png would be replaced" in capsys.readouterr().err
    assert program(*words) == 0
    assert Path("out/profile.png").read_text() == "mine"


def test_an_album_shows_its_profile(album: Program, album_words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert album(*album_words, "output_dir=found", "profile=true") == 0
    rows = {words[0] for line in capsys.readouterr().out.splitlines() if (words := line.split())}
    assert rows >= {"start", "load", "read", "encode", "search", "write", "run"}
    assert Path("found/profile.png").stat().st_size > 1000
