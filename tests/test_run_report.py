"""What a run says about its own results: report.html, the sheet, the list in the summary, lines on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes import FRAMES, Program
from following import ctrl_c_at

import vos.video.direction

VIDEO, MASK = "video=my clip (1).mp4", "ref_mask=mask 0.png"
FILES = ("report.html", "frames_to_check.png")


def listed(folder: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(Path(folder, "summary.json").read_text())["frames_to_check"]
    return found


def test_a_run_reports_and_can_be_told_not_to(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(VIDEO, MASK, "output=masks", "output_dir=with") == 0
    out = capsys.readouterr().out
    assert "with/report.html\nwith/frames_to_check.png\n" in out
    assert "frames to look at first:\n" in out or "no frame stands out\n" in out
    assert program(VIDEO, MASK, "output=masks", "output_dir=without", "report=false") == 0
    assert [Path("without", name).exists() for name in FILES] == [False, False]
    assert listed("with") == listed("without")
    assert len(listed("with")) == -(-FRAMES // 5)
    assert 0 not in [each["index"] for each in listed("with")]


def test_a_run_without_a_report_writes_it_later_without_tracking(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(VIDEO, MASK, "output=masks", "output_dir=out", "report=false") == 0
    assert program(VIDEO, MASK, "output=masks", "output_dir=out") == 0
    assert "none of them tracked again" in capsys.readouterr().out
    assert all(Path("out", name).exists() for name in FILES)


def test_a_run_that_was_interrupted_lists_the_same(
    program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vos.video.direction, "STATE_INTERVAL", 0.0)
    words = [VIDEO, MASK, "output=masks", "ref_frame=4"]
    assert program(*words, "output_dir=whole") == 0
    with ctrl_c_at(9):
        assert program(*words, "output_dir=part") == 130
    assert not any(Path("part", name).exists() for name in FILES)
    assert program(*words, "output_dir=part") == 0
    assert "going on after" in capsys.readouterr().out
    assert listed("part") == listed("whole")
    assert 4 not in [each["index"] for each in listed("whole")]
    for name in FILES:
        assert Path("part", name).read_bytes() == Path("whole", name).read_bytes(), name


@pytest.mark.parametrize("name", FILES)
def test_what_is_the_users_is_not_replaced(program: Program, capsys: pytest.CaptureFixture[str], name: str) -> None:
    Path("out").mkdir()
    Path("out", name).write_text("mine")
    assert program(VIDEO, MASK, "output=masks", "output_dir=out") == 2
    assert f"{name} would be replaced" in capsys.readouterr().err
    assert Path("out", name).read_text() == "mine"
    assert program(VIDEO, MASK, "output=masks", "output_dir=out", "report=false") == 0
    for each in FILES:
        Path("out", each).write_text("mine")
    assert program(VIDEO, MASK, "output=masks", "output_dir=out") == 2, "not finished already with the user's report"
    assert "would be replaced, but it is yours" in capsys.readouterr().err


def test_scripts_get_no_lines_in_between(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program("--json", VIDEO, MASK, "output=masks", "output_dir=out") == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "out/report.html" in json.loads(out)["outputs"]
