"""What goes wrong on real machines is one line, exit code 2, and nothing half-written; the next run goes on."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fakes import SIZE, Program, square_clip
from following import ctrl_c_at
from PIL import Image

import vos.io.writers.masks
from vos.io.masks.label_map import write_label_map
from vos.io.sole_writer import sole_writer
from vos.structures import LabelMap

VIDEO, MASK = "video=my clip (1).mp4", "ref_mask=mask 0.png"
REPORT = {"report.html", "frames_to_check.png"}
FINAL = {".vos", "masks", "overlay.mp4", "matte.mov", "rle.json", "summary.json", *REPORT}

Capture = pytest.CaptureFixture[str]


def told(capsys: Capture) -> str:
    """The one line on stderr, progress bars left out."""
    lines = [line for line in capsys.readouterr().err.splitlines() if "frame/s" not in line and line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


def bomb(size: int) -> bytes:
    """A PNG of a few bytes that says it is ``size`` pixels wide and high."""
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def jpeg_bomb() -> bytes:
    file = io.BytesIO()
    Image.new("L", (16, 16)).save(file, "JPEG")
    data = bytearray(file.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 60000, 60000)
    return bytes(data)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    root = os.geteuid() == 0
    if root:
        Path().chmod(0o755)
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def gray_png(size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    labels = np.zeros(size, np.uint8)
    labels[4:8, 4:8] = 255
    Image.fromarray(labels).save(file, "PNG")
    return file.getvalue()


BAD_FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb.png": (lambda: bomb(60000), "too large"),
    "over our limit.png": (lambda: bomb(12000), "at most"),  # Pillow itself would only warn
    "bomb.jpg": (jpeg_bomb, "too large"),
    "nothing.png": (bytes, "is empty"),
    "text.png": (lambda: b"not an image\n", "cannot be read as an image"),
    "cut off.png": (lambda: gray_png(SIZE)[:60], "cannot be read"),
    "no object.png": (lambda: gray_png((2, 2)), "96x128"),
    "other size.png": (lambda: gray_png((48, 64)), "is 48x64, but the reference frame is 96x128"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_mask(program: Program, name: str, capsys: Capture, recwarn: pytest.WarningsRecorder) -> None:
    content, message = BAD_FILES[name]
    Path(name).write_bytes(content())
    assert program(VIDEO, f"ref_mask={name}", "output_dir=out") == 2
    line = told(capsys)
    assert name in line
    assert message in line
    assert not [w for w in recwarn if "exceeds limit" in str(w.message)]  # would be a second line
    assert not Path("out").exists()


@pytest.mark.parametrize("name", [n for n, (_, message) in BAD_FILES.items() if "x" not in message[:6]])
def test_a_bad_photo_among_the_frames(program: Program, name: str, capsys: Capture) -> None:
    Path("frames").mkdir()
    for index, image in enumerate(square_clip(3, SIZE)):
        Image.fromarray(image).save(f"frames/{index}.png")
    Path("frames", f"3 {name}").write_bytes(BAD_FILES[name][0]())
    assert program("video=frames", MASK, "output=masks", "output_dir=out") == 2
    line = told(capsys)
    assert name in line
    assert not Path("out/masks").exists()


def test_a_folder_and_a_file_that_may_not_be_read(program: Program, capsys: Capture) -> None:
    Path("mask 0.png").rename("forbidden.png")
    Path("mask 0.png").mkdir()
    assert program(VIDEO, MASK, "output_dir=out") == 2
    assert "mask 0.png is a folder" in told(capsys)
    Path("private").mkdir()
    Path("private/mask.png").write_bytes(gray_png(SIZE))
    Path("forbidden.png").chmod(0)
    Path("private").chmod(0)
    for name in ("forbidden.png", "private/mask.png"):
        with as_nobody():
            assert program(VIDEO, f"ref_mask={name}", "output_dir=out") == 2
        line = told(capsys)
        assert name in line
        assert "ermission denied" in line
    Path("private").chmod(0o700)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("ref_box=[120,10,20,10]", "over the edge of the frame of 128 x 96 pixels: from (120, 10) to (140, 20)"),
        ("ref_box=[128,10,20,10]", "inside the frame of 128 x 96 pixels"),
        ("ref_box=[-4,10,20,10]", "over the edge of the frame of 128 x 96 pixels: from (-4, 10)"),
        ("ref_box=[10,10,0,10]", "ref_box=[10"),
        ("ref_box=[10,10,20,-1]", "ref_box=[10"),
        ("ref_box=[10,10,20]", "[x, y, width, height]"),
        ("ref_box=[10,10,20,nan]", "ref_box="),
        ("ref_box=[a,b,c,d]", "ref_box"),
        ("ref_point=[128,10]", "inside the frame, 128 x 96 pixels"),
        ("ref_point=[-1,10]", "ref_point=[-1"),
        ("ref_point=[1,2,3]", "[x, y]"),
        ("ref_point=[nan,2]", "ref_point="),
        ("ref_point=5", "[x, y]"),
    ],
)
def test_a_bad_box_or_point(program: Program, word: str, said: str, capsys: Capture) -> None:
    assert program(VIDEO, word, "output_dir=out") == 2
    assert said in told(capsys)
    assert not Path("out").exists()


def test_a_portrait_clip_with_decord(program: Program, clip: Path, capsys: Capture) -> None:
    pytest.importorskip("decord")
    data = bytearray(clip.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the matrix of a version 0 track header: 90 degrees, as phones hold it
    data[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    clip.write_bytes(data)
    assert program(VIDEO, "ref_point=[10,10]", "reader=decord", "output_dir=out") == 2
    assert "use reader=pyav" in told(capsys)
    assert not Path("out").exists()
    assert program(VIDEO, "ref_point=[70,15]", "reader=pyav", "output_dir=out", "output=masks") == 0


def test_a_folder_in_use(program: Program, capsys: Capture) -> None:
    with sole_writer(Path("out"), []):
        assert program(VIDEO, MASK, "output_dir=out") == 2
        assert f"process {os.getpid()}" in told(capsys)
    assert program(VIDEO, MASK, "output_dir=out") == 0


def test_a_full_disk_and_then_space(program: Program, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    calls = 0

    def write(path: Path, label_map: LabelMap) -> None:
        nonlocal calls
        calls += 1
        if calls > 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_label_map(path, label_map)

    words = [VIDEO, MASK, "output=[masks,overlay,matte,rle]", "output_dir=out"]
    with monkeypatch.context() as patch:
        patch.setattr(vos.io.writers.masks, "write_label_map", write)
        assert program(*words) == 2
    assert "disk is full while writing" in told(capsys)
    assert [p.name for p in Path("out").iterdir()] == [".vos"]
    assert program(*words) == 0
    assert "going on after" in capsys.readouterr().out
    assert {p.name for p in Path("out").iterdir()} == FINAL


def test_one_bad_clip_does_not_stop_the_others(program: Program, clip: Path, capsys: Capture) -> None:
    for name in ("a.mp4", "c.mp4"):
        shutil.copy(clip, name)
    Path("b.mp4").write_text("no video")
    assert program("-m", "video=a.mp4,b.mp4,c.mp4", "ref_mask=mask 0.png", "output=[masks]") == 3
    assert [Path("outputs", name, "summary.json").exists() for name in "abc"] == [True, False, True]
    told = capsys.readouterr().err
    assert "1 of 3 runs failed:\n  video=b.mp4: " in told
    assert program("-m", "video=b.mp4,d.mp4", "ref_mask=mask 0.png", "output=[masks]") == 2
    assert "error: all 2 runs failed, the first one so: " in capsys.readouterr().err


def test_two_clips_of_one_name_are_told_apart(program: Program, clip: Path, capsys: Capture) -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        shutil.copy(clip, Path(folder, "clip.mp4"))
    assert program("video=a/clip.mp4", "ref_mask=mask 0.png", "output=[masks]") == 0
    before = Path("outputs/clip/summary.json").read_bytes()
    assert program("video=b/clip.mp4", "ref_mask=mask 0.png", "output=[masks]") == 2
    told = capsys.readouterr().err
    assert str(Path("a/clip.mp4").resolve()) in told
    assert str(Path("b/clip.mp4").resolve()) in told
    assert "output_dir=" in told
    assert Path("outputs/clip/summary.json").read_bytes() == before
    assert program("video=b/clip.mp4", "ref_mask=mask 0.png", "output=[masks]", "output_dir=other") == 0


def test_ctrl_c_says_what_is_kept(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    with ctrl_c_at(7):
        assert program("video=my clip (1).mp4", "ref_mask=mask 0.png", "output_dir=out") == 130
    told = capsys.readouterr().err
    assert re.search(r"^interrupted: [56] frames are kept; run the same command again to go on$", told, re.MULTILINE)


# Files cannot grow beyond each of these sizes in turn: writing fails at another place each time, as on a full disk.
LIMITED = """
import json, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv.pop(1))
from fakes import ColourSegmenter
import vos.video.direction, vos.cli.video, vos.run
vos.cli.video.load_model = lambda *_: ColourSegmenter()
vos.video.direction.STATE_INTERVAL = 0.0
for limit in [0, 10, 100, 300, 1000, 3000, 10000, 30000, 100000, resource.RLIM_INFINITY]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    code = vos.run.main()
    names = sorted(p.name for p in Path("out").iterdir()) if Path("out").exists() else []
    print("RESULT", json.dumps([limit, code, names]), flush=True)
    print("RESULT", file=sys.stderr, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files there")
@pytest.mark.parametrize("output", ["[masks,overlay,matte,rle]", "masks"])
def test_wherever_the_disk_is_full_the_next_run_goes_on(clip: Path, output: str) -> None:
    words = [VIDEO, MASK, f"output={output}", "output_dir=out"]
    command = [sys.executable, "-c", LIMITED, str(Path(__file__).parent / "support"), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=clip.parent, check=False)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line.split(" ", 1)[1]) for line in done.stdout.splitlines() if line.startswith("RESULT")]
    failures = done.stderr.split("RESULT\n")
    places = set()
    for (limit, code, names), told in zip(results, failures):
        if code == 0:
            assert "summary.json" in names, limit
            continue
        lines = [line for line in told.splitlines() if line and "frame/s" not in line]
        assert (code, len(lines)) == (2, 1), (limit, lines)
        assert lines[0].startswith("error: cannot write"), (limit, lines)
        assert set(names) < FINAL - {"summary.json"}, (limit, names)  # whole ones that were renamed first may stand
        places.add(lines[0])
    assert results[0][1] == 2
    assert results[-1][1] == 0
    assert len(places) >= 2, places


@pytest.mark.parametrize("more", [[], ["overwrite=true"]])
def test_a_video_is_never_replaced_by_its_own_overlay(program: Program, capsys: Capture, more: list[str]) -> None:
    assert program(VIDEO, MASK, "output=overlay", "output_dir=out") == 0
    content = Path("out/overlay.mp4").read_bytes()
    capsys.readouterr()
    assert program("video=out/overlay.mp4", MASK, "output=overlay", "output_dir=out", *more) == 2
    assert "video=out/overlay.mp4 lies where this run would write" in told(capsys)
    assert Path("out/overlay.mp4").read_bytes() == content


def test_what_nothing_is_made_of_is_one_line(program: Program, capsys: Capture) -> None:
    for words, said in (
        (["output=[]"], "output=[] is nothing; choose from masks, overlay"),
        (["object_names={3: rex, 3: max}"], "object_names={3: rex, 3: max} says 3 twice"),
        (["object_names={3: küche/ä}"], "no object can be called 'küche/ä'"),
    ):
        assert program(VIDEO, MASK, "output_dir=out", *words) == 2
        assert said in told(capsys)
    assert not Path("out").exists()


@pytest.mark.parametrize("video", ["frames", "frames/*.png"])
def test_results_do_not_go_among_the_frames(program: Program, capsys: Capture, video: str) -> None:
    """The picture of the reference would be a frame of the next run."""
    Path("frames").mkdir()
    for index, image in enumerate(square_clip(3, SIZE)):
        Image.fromarray(image).save(f"frames/{index}.png")
    assert program(f"video={video}", "ref_box=[8,8,20,20]", "output_dir=frames") == 2
    assert f"output_dir=frames holds the frames of video={video}; choose another" in told(capsys)
    assert sorted(path.name for path in Path("frames").iterdir()) == ["0.png", "1.png", "2.png"]
