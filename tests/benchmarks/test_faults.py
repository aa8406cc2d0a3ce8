"""The judge of benchmarks/faults.py sees what is wrong, and what is drawn at random from its grid holds."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import av
import faults
import numpy as np
import pytest
from faulting import film, judge, scene, server, table, watch
from faulting.bench import Bench
from faulting.fault import Fault, Outcome
from faulting.judge import HANG, LOST, ONE_LINE, REFUSED, RIGHT, SILENT, TRACEBACK
from faulting.kinds import damage, films, kills, limits, network, odd_masks, videos
from faulting.material import HARMS, Material, cut
from faulting.sandbox import Program
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def ended(code: int | None = 0, err: str = "", signal: int | None = None, hung: bool = False) -> Outcome:
    return Outcome(code, signal, hung, "", err, 1.0)


@pytest.mark.parametrize(
    ("outcome", "losses", "problem", "refuse", "expected"),
    [
        (ended(), [], None, True, RIGHT),
        (ended(), [], "5 masks of 6", True, SILENT),
        (ended(), ["own.png gone"], None, True, LOST),
        (ended(2, "error: no\n"), ["own.png gone"], None, True, LOST),
        (ended(2, "warning: x\n 50%|\rerror: no such mask\n"), [], None, True, ONE_LINE),
        (ended(2, "error: no such mask\n"), [], None, False, REFUSED),
        (ended(2, ""), [], None, True, TRACEBACK),
        (ended(2, "error: a\nerror: b\n"), [], None, True, TRACEBACK),
        (ended(0, "Traceback (most recent call last):\n  File\nKeyError: 1\n"), [], None, True, TRACEBACK),
        (ended(1), [], None, True, TRACEBACK),
        (ended(None, signal=11), [], None, True, TRACEBACK),
        (ended(None, signal=9, hung=True), [], None, True, HANG),
        (ended(130, "interrupted; go on with the same command\n"), [], None, True, ONE_LINE),
    ],
)
def test_verdicts(outcome: Outcome, losses: list[str], problem: str | None, refuse: bool, expected: str) -> None:
    assert judge.judge(outcome, losses, lambda: problem, may_refuse=refuse).verdict == expected


def test_a_warning_excuses_less_only_where_that_is_agreed() -> None:
    outcome = ended(err="warning: 1 frame is damaged or missing\n")
    assert judge.judge(outcome, [], lambda: "5 masks", warning_excuses=True).verdict == RIGHT
    assert judge.judge(outcome, [], lambda: "5 masks").verdict == SILENT
    assert judge.judge(ended(), [], lambda: "5 masks", warning_excuses=True).verdict == SILENT


def test_losses_are_seen_in_files_and_links(tmp_path: Path) -> None:
    for name in ("same", "changed", "gone"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "link").symlink_to("same")
    before = judge.snapshot(tmp_path)
    (tmp_path / "changed").write_text("theirs")
    (tmp_path / "gone").unlink()
    (tmp_path / "new").write_text("a result")
    (tmp_path / "link").unlink()
    (tmp_path / "link").write_text("mine")
    assert judge.lost(before, judge.snapshot(tmp_path)) == ["changed changed", "gone gone", "link changed"]


def test_a_digest_leaves_out_only_what_a_run_took(tmp_path: Path) -> None:
    digests = []
    for seconds, frames in ((1.0, 6), (2.0, 6), (2.0, 5)):
        (tmp_path / "summary.json").write_text(json.dumps({"timings_seconds": {"read": seconds}, "frames": frames}))
        digests.append(kills.digest(tmp_path))
    assert digests[0] == digests[1]
    assert kills.difference(digests[1], digests[2]) == "1 files differ from an undisturbed run: summary.json"


@pytest.mark.parametrize("harm", HARMS)
def test_every_harm_changes_a_file(harm: str) -> None:
    data = bytes(range(1, 256)) * 8
    assert cut(data, harm, 0.4, 1) != data
    assert cut(data, harm, 0.4, 1) == cut(data, harm, 0.4, 1)


@pytest.mark.parametrize("notation", list(odd_masks.DRAWN))
def test_a_mask_shows_as_many_objects_as_it_says(notation: str) -> None:
    count = 1 if notation in odd_masks.ONE_OBJECT else 3
    mask = odd_masks.DRAWN[notation][0](scene.labels(count), count, random.Random(0))
    if notation not in ("sideways by EXIF", "soft edges"):
        pixels = [mask.getpixel((box[1] + 11, box[0] + 11)) for box in scene.boxes(count)]
        assert len(set(pixels)) == count
        assert mask.getpixel((0, 0)) not in pixels
    assert mask.size in ((scene.WIDTH, scene.HEIGHT), (scene.HEIGHT, scene.WIDTH))


def test_draws_repeat_and_cover_every_kind() -> None:
    kinds = faults.all_kinds()
    drawn = [faults.draw(kinds, 7, number)[:2] for number in range(2000)]
    assert drawn == [faults.draw(kinds, 7, number)[:2] for number in range(2000)]
    assert {kind.name for kind, _ in drawn} == {kind.name for kind in kinds}
    assert drawn != [faults.draw(kinds, 8, number)[:2] for number in range(2000)]


def test_the_table_counts() -> None:
    results = [
        {"kind": kind, "verdict": verdict, "choice": {"name": "x"}, "what": "w", "number": 1, "default_options": False}
        for kind, verdict in (("cuts", RIGHT), ("cuts", SILENT), ("names", ONE_LINE))
    ]
    rows = table.table(results).splitlines()
    assert rows[2] == "| cuts | 2 | 1 | 0 | 0 | 0 | 0 | 1 | 0 |"
    assert rows[-1] == "| **all** | 3 | 1 | 1 | 0 | 0 | 0 | 1 | 0 |"
    assert "- cuts, name x: silently wrong (w)" in table.page(results, "--count 3")


def fail() -> int:
    raise KeyError("planted")


def spoil() -> int:
    Path("own.txt").write_text("spoiled")
    return 0


def idle() -> int:
    return 0


def stay() -> int:
    time.sleep(60)
    return 0


def fail_aside() -> int:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    return 0


def write_twice() -> int:
    for name in ("first", "second"):
        Path(name).write_text(name)
    return 0


PLANTED: list[tuple[Callable[[], int], str]] = [
    (fail, TRACEBACK),
    (fail_aside, TRACEBACK),
    (spoil, LOST),
    (stay, HANG),
    (lambda: 0, SILENT),
    (lambda: sys.stderr.write("error: no\n") and 2, ONE_LINE),
]


@pytest.mark.parametrize(("main", "expected"), PLANTED)
def test_the_sandbox_notices_what_is_planted(
    main: Callable[[], int], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = planted(main, tmp_path, monkeypatch)
    (tmp_path / "work" / "own.txt").write_text("mine")
    before = judge.snapshot(tmp_path / "work")
    outcome = program.run("run", [], tmp_path / "work", timeout=1.0)
    losses = judge.lost(before, judge.snapshot(tmp_path / "work"))
    assert judge.judge(outcome, losses, lambda: "nothing was written").verdict == expected


def test_a_kill_comes_at_the_write_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = planted(write_twice, tmp_path, monkeypatch)
    assert program.run("run", [], tmp_path / "work").events == 2
    (tmp_path / "work" / "first").unlink()
    (tmp_path / "work" / "second").unlink()
    outcome = program.run("run", [], tmp_path / "work", Fault(at_event=1))
    assert outcome.signal == signal.SIGKILL
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["first"]


def planted(main: Callable[[], int], folder: Path, monkeypatch: pytest.MonkeyPatch, work: str = "work") -> Program:
    """A sandbox whose command is ``main``, without the models of the real one."""
    program = object.__new__(Program)
    program._main = {"run": main}
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # pytest's own threads do not matter to these
    (folder / work).mkdir()
    return program


KINDS = {kind.name: kind for kind in faults.all_kinds()}
ASIDE = {"downloads", "Ctrl-C at the start"}  # these start processes of their own


@pytest.mark.parametrize("name", sorted(KINDS.keys() - ASIDE))
@pytest.mark.parametrize("main", [fail, idle])
def test_every_kind_notices_a_program_that_fails_or_does_nothing(
    name: str, main: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, rng = KINDS[name], random.Random(3)
    left_alone = kills.Reference({"masks/00000.png": "x"}, 0.1, 3)
    for module in (kills, damage, limits):
        monkeypatch.setattr(module, "reference", lambda bench, job: left_alone)
    program = planted(main, tmp_path, monkeypatch)
    program._main = dict.fromkeys(("run", "album", "concept", "evaluate"), main)
    material = Material(tmp_path / "material", lambda folder: (folder / "rex.concept").write_text("x") and None)
    bench = Bench(program, material, tmp_path / "attempt")
    for _ in range(3):
        bench.begin(tmp_path / "attempt")
        choice = kind.draw(rng) | ({"when": "before"} if name == "files in the way" else {})
        assert kind.attempt(bench, choice, rng).verdict in (SILENT, TRACEBACK)


def test_a_download_that_leaves_a_wrong_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(url: str, target: Path, *rest: object) -> None:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"wrong")

    monkeypatch.setattr("vos.sam.download.download", wrong)
    program = planted(lambda: 0, tmp_path, monkeypatch)
    bench = Bench(program, Material(tmp_path / "material"), tmp_path / "attempt")
    choice = {"way": "whole", "content": "right", "before": "nothing", "processes": 1}
    assert network.attempt_download(bench, choice, random.Random(0)).verdict == LOST


def test_the_server_serves_as_it_is_told() -> None:
    data = bytes(range(256)) * 40

    def get(way: str, start: int = 0) -> bytes:
        with server.serving(data, way, 0.5, "x.bin") as url:
            request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
            with urllib.request.urlopen(request, timeout=5) as response:
                return bytes(response.read())

    assert get("whole") == get("no ranges", 100) == get("no length") == data
    assert get("whole", 100) == data[100:]
    assert get("too short") == data[: len(data) // 2]
    with pytest.raises(http.client.IncompleteRead):
        get("cut")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get("404")


def test_nobody_is_left_of_a_server() -> None:
    with server.serving(b"x", "silent", 0.5, "x") as url:
        address = urllib.parse.urlsplit(url)
        line = socket.create_connection((address.hostname, address.port), timeout=5)
        line.sendall(b"GET /x HTTP/1.1\r\n\r\n")
        time.sleep(0.2)
    with line, contextlib.suppress(ConnectionResetError):
        assert line.recv(1) == b""  # whoever would answer has gone


def test_films_are_what_they_say(tmp_path: Path) -> None:
    white = np.full((1, 1, 3), 255, np.uint8)
    assert film.encoded_light(white, "PQ") == pytest.approx(0.581, abs=2e-3)  # 203 nits, ITU-R BT.2408
    assert film.encoded_light(white, "HLG") == pytest.approx(0.75, abs=5e-3)
    for transfer, code in film.TRANSFERS.items():
        film.make_hdr(tmp_path / "hdr.mkv", transfer, film.HDR_FILMS["hdr.mkv"])
        with av.open(str(tmp_path / "hdr.mkv")) as file:
            assert file.streams.video[0].codec_context.color_trc == code
            assert sum(1 for _ in file.decode(video=0)) == scene.FRAMES
    film.make_fields(tmp_path / "fields.mkv", "top first", film.FIELD_FILMS["fields.mkv"])
    with av.open(str(tmp_path / "fields.mkv")) as file:
        assert all(frame.interlaced_frame for frame in file.decode(video=0))
    assert films.combing(film.woven(1, "top first")) > 10 * films.combing(film.plain(1, 2)) + 1
    film.make_alpha(tmp_path / "alpha.mov", film.ALPHA_FILMS["alpha.mov"])
    with av.open(str(tmp_path / "alpha.mov")) as file:
        assert next(file.decode(video=0)).to_ndarray(format="rgba")[0, -1, 3] == 0


def test_material_says_how_many_frames_it_has(tmp_path: Path) -> None:
    material = Material(tmp_path)
    assert len(list(material.get("frames").iterdir())) == scene.FRAMES
    assert material.get("m3.png").stat().st_mtime == material.get("frames").stat().st_mtime
    with Image.open(material.get("m3.png")) as mask:
        assert mask.size == (scene.WIDTH, scene.HEIGHT)
    with pytest.raises(KeyError):
        material.get("nothing")
    assert set(videos.CLIPS) >= {"h264.mp4", "h264.mkv", "vp9.webm", "mpeg4.avi", "h264.ts", "anim.gif"}


@pytest.mark.slow
def test_what_is_drawn_holds(tmp_path: Path) -> None:
    """Twenty attempts from the kinds that hold, in a process of their own: it must not have threads when it forks."""
    command = [
        sys.executable,
        "benchmarks/faults.py",
        "--count",
        "20",
        "--seed",
        "1",
        "--holding",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert len(results) == 20
    assert {result["verdict"] for result in results} <= {RIGHT, ONE_LINE}


def test_a_run_cannot_reach_what_is_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite may run as root: a device file that a run would replace must survive it."""
    monkeypatch.setattr(watch.tempfile, "gettempdir", lambda: str(tmp_path / "suite"))
    (tmp_path / "suite").mkdir()
    (tmp_path / "outside").write_text("precious")

    def replace() -> int:
        Path("new").write_text("new")
        Path("new").replace(tmp_path / "outside")
        return 0

    def overwrite_through_link() -> int:
        Path("link").symlink_to(tmp_path / "outside")
        Path("link").write_text("new")
        return 0

    for number, main in enumerate((replace, overwrite_through_link)):
        program = planted(main, tmp_path / "suite", monkeypatch, f"work{number}")
        outcome = program.run("run", [], tmp_path / "suite" / f"work{number}")
        assert outcome.code == watch.LEFT
        assert "outside" in outcome.err
        assert (tmp_path / "outside").read_text() == "precious"
    assert watch.touched("os.rename", ("a", "/dev/null", -1, -1))[1] == "/dev/null"
    assert watch.touched("open", ("/dev/null", "w", 1)) == []
