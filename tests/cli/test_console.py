"""What programs say to scripts, to terminals, to nobody, and to a log file; through their real entry."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import FRAMES, ColourSegmenter, Program
from following import ctrl_c_at

import vos.cli.video
import vos.progress
from vos.cli.outcome import Outcome, together

VIDEO, MASK = "video=my clip (1).mp4", "ref_mask=mask 0.png"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.*)")


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one JSON object on stdout."""
    out = capsys.readouterr().out
    assert out.endswith("}\n")
    assert out.count("\n") == 1
    return json.loads(out)


def log_lines(path: str) -> list[str]:
    """The lines of a log without their times."""
    found = [LINE.fullmatch(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    assert None not in found
    return [match[1] for match in found if match is not None]


def test_scripts_get_one_object(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # the second run finds all of it finished
        assert program("--json", VIDEO, MASK) == 0
        told = said(capsys)
        assert list(told) == ["state", "frames", "seconds", "outputs"]
        assert (told["state"], told["frames"]) == ("done", FRAMES)
        assert 0 < told["seconds"] < 60
        assert [Path(name).name for name in told["outputs"]] == [
            "masks",
            "overlay.mp4",
            "report.html",
            "frames_to_check.png",
            "summary.json",
        ]
        assert all(Path(name).exists() for name in told["outputs"])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "there is no video"),
        (("vidoe=x",), "did you mean video"),
        ((VIDEO, "ref_mask=none.png"), "none.png"),
        ((VIDEO, MASK, "threads=0"), "threads=0"),
    ],
)
def test_scripts_get_errors_as_an_object_too(
    program: Program, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], error: str
) -> None:
    assert program(*words, "--json") == 2
    told = said(capsys)
    assert (told["state"], told["frames"], told["outputs"]) == ("failed", 0, [])
    assert error in told["error"]


def test_scripts_hear_of_ctrl_c_and_of_the_programs_own_mistakes(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(self: ColourSegmenter, images: object) -> object:
        raise failure

    monkeypatch.setattr(ColourSegmenter, "encode", encode)
    failure: BaseException = KeyboardInterrupt()
    assert program("--json", VIDEO, MASK) == 130
    told = said(capsys)
    assert (told["state"], told["error"]) == ("interrupted", "0 frames are kept; run the same command again to go on")
    failure = ValueError("shapes do not match")
    with pytest.raises(ValueError, match="shapes"):
        program("--json", VIDEO, MASK, "log_file=log")
    told = said(capsys)
    assert (told["state"], told["error"]) == ("failed", "ValueError: shapes do not match")
    assert "ValueError: shapes do not match" in Path("log").read_text()


def test_scripts_hear_what_there_is_after_ctrl_c(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-m", "--json", VIDEO, MASK, "output=masks", "tracker.memory.momentum=0.8,0.9")
    with ctrl_c_at(FRAMES + 8):  # the second run has begun
        assert program(*words) == 130
    told = said(capsys)
    kept = int(told["error"].split()[0])
    assert (told["state"], told["frames"], len(told["outputs"])) == ("interrupted", FRAMES + kept, 4)
    assert kept > 0


def test_a_sweep_that_fails_in_part_is_one_object(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program("-m", "--json", VIDEO, "ref_mask=mask 0.png,none.png", "output=masks") == 3
    told = said(capsys)
    assert (told["state"], told["frames"]) == ("partly", FRAMES)
    assert told["error"].startswith("1 of 2 runs failed: ref_mask=")
    assert len(told["outputs"]) == 4


def test_an_album_with_broken_photos_is_done_in_part(
    album: Program, album_words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = Path(next(word for word in album_words if word.startswith("images=")).removeprefix("images="))
    (images / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    assert album(*album_words, "--json", "output=[masks]") == 3
    told = said(capsys)
    assert (told["state"], told["error"]) == ("partly", "1 photos could not be read")
    assert told["frames"] == 8, "all but the broken one"
    assert {"masks", "album.csv", "album.json"} <= {Path(name).name for name in told["outputs"]}


def test_quiet_says_nothing_but_errors(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vos.progress, "FIRST_LINE", 0)
    assert program(VIDEO, MASK, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert program(VIDEO, "ref_mask=none.png", "--quiet") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: ")


@pytest.mark.parametrize("flag", [None, "--quiet", "--json"])
def test_a_log_holds_what_is_said_whoever_hears_it(
    program: Program, flag: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vos.progress, "FIRST_LINE", 0)
    words = [VIDEO, MASK, "log_file=logs/run.log", *([flag] if flag else [])]
    assert program(*words) == 0
    assert program(*words, "vidoe=x") == 2  # before the log is known
    assert program(*words, "output=[film]") == 2
    lines = log_lines("logs/run.log")
    begins = [index for index, line in enumerate(lines) if line.startswith(f"vos {vos.__version__} run video=my clip")]
    assert len(begins) == 2
    assert begins[0] == 0
    assert "outputs/my-clip-(1)/summary.json" in lines
    assert any(re.fullmatch(r"my-clip-\(1\): \d+ of 12 frames, [\d.]+ frames/s, \d+ s left", line) for line in lines)
    assert any(line.startswith("12 frames at ") for line in lines)
    assert lines[-1].startswith("error: output=film is not understood")


@pytest.mark.parametrize("kind", ["text", "folder", "device", "two"])
def test_a_log_is_added_to_logs_alone(program: Program, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes.txt").write_text("my notes\n")
    Path("folder").mkdir()
    name = {"text": "notes.txt", "folder": "folder", "device": os.devnull, "two": "a,b"}[kind]
    assert program(*(["-m"] if kind == "two" else []), VIDEO, MASK, f"log_file={name}") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "log_file" in error
    assert error.count("\n") == 1
    assert Path("notes.txt").read_text() == "my notes\n"
    assert not Path("outputs").exists()


def test_a_log_changes_no_result(program: Program, models: list[ColourSegmenter]) -> None:
    assert program(VIDEO, MASK) == 0
    assert program(VIDEO, MASK, "log_file=log") == 0
    assert models[1].encoded == 0, "finished already"


ON_A_TERMINAL = """
import sys
from vos.cli.console import Console
from vos.cli.program import exit_code
import vos.progress
vos.progress.FIRST_LINE = 0
console = Console()

def work():
    console.log.open_for([sys.argv[1]], "run x")
    with vos.progress.Progress("clip", 3, "frame") as progress:
        for _ in range(3):
            progress.update()
        print("seen")
    print("unseen", file=sys.stderr)

sys.exit(exit_code(work, console))
"""


def test_a_terminal_has_a_bar_and_its_log_has_lines(tmp_path: Path) -> None:
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    done = subprocess.run(
        [sys.executable, "-c", ON_A_TERMINAL, str(tmp_path / "log")], stdout=subprocess.PIPE, stderr=theirs, check=False
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert (done.returncode, done.stdout) == (0, b"seen\n")
    assert "\rclip: " in shown
    assert " of 3 frames" not in shown
    assert shown.endswith("unseen\r\n")
    lines = log_lines(str(tmp_path / "log"))
    assert lines[0] == f"vos {vos.__version__} run x"
    assert lines[1].startswith("clip: 1 of 3 frames, ")
    assert lines[-2:] == ["seen", "unseen"]


def test_outcomes_are_added_up() -> None:
    both = together([Outcome(3, (Path("a"), Path("b"))), Outcome(4, (Path("b"),), "2 photos")], "1 of 3 runs")
    assert both == Outcome(7, (Path("a"), Path("b")), "2 photos; 1 of 3 runs")
    assert (both.code, Outcome().code) == (3, 0)


def test_names_that_are_no_utf8_reach_scripts() -> None:
    path = Path(os.fsdecode(b"caf\xe9"))
    assert json.loads(Outcome(1, (path,)).as_json(0, 1.0, ""))["outputs"] == [str(path)]
