"""Many clips in one command: every one has its end, and the bytes of a command of its own."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import encode_clip
from fakes import square_clip, square_mask

from vos.io.masks.label_map import write_label_map

FAST = ("model.input_size=128", "tracker.adapt.enabled=false", "output=masks")
FRAMES = 8


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five clips with their masks, and tables of them."""
    folder = tmp_path_factory.mktemp("footage")
    rows = ["video,ref_mask"]
    for number in range(5):
        clip = folder / "takes" / f"{number}.mp4"
        clip.parent.mkdir(exist_ok=True)
        encode_clip(clip, square_clip(FRAMES + number, (96, 128)))
        write_label_map(clip.with_suffix(".png"), square_mask(0, (96, 128)))
        rows.append(f"takes/{clip.name},takes/{clip.stem}.png")
    (folder / "clips.csv").write_text("\n".join(rows))
    rows[3:3] = ["takes/gone.mp4,takes/0.png", "takes/broken.mp4,takes/0.png"]
    (folder / "takes/broken.mp4").write_bytes(b"no video at all")
    (folder / "some broken.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def alone(footage: Path) -> dict[str, bytes]:
    """The masks of each clip from a command of its own."""
    for clip in sorted((footage / "takes").glob("?.mp4")):
        words = [
            f"video={clip}",
            f"ref_mask={clip.with_suffix('.png')}",
            f"output_dir={footage}/alone/takes/{clip.stem}",
        ]
        subprocess.run([sys.executable, "-m", "vos.run", *words, *FAST], check=True, capture_output=True)
    return masks(footage / "alone")


def masks(folder: Path) -> dict[str, bytes]:
    """All masks in a folder of results, by where they lie."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("masks/*.png"))}


def command(footage: Path, *words: str) -> list[str]:
    """A batch of the footage, quick and rough."""
    return [sys.executable, "-m", "vos.batch", *words, *FAST]


def run(footage: Path, *words: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a batch to its end, in the folder of the footage."""
    done = subprocess.run(
        command(footage, *words), capture_output=True, text=True, cwd=footage, env={**os.environ, **more}
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def lines(record: Path) -> list[dict[str, object]]:
    """The results that were written down."""
    return [json.loads(line) for line in record.read_text().splitlines()]


@pytest.mark.slow
def test_a_batch_gives_the_bytes_of_single_runs_and_does_nothing_twice(footage: Path, alone: dict[str, bytes]) -> None:
    run(footage, "manifest=clips.csv", "output_dir=all", "workers=2")
    assert masks(footage / "all") == alone
    known = lines(footage / "all/results.jsonl")
    assert sorted(str(each["video"]) for each in known) == [str(footage / f"takes/{k}.mp4") for k in range(5)]
    assert {each["state"] for each in known} == {"done"}
    assert sum(int(str(each["frames"])) for each in known) == sum(range(FRAMES, FRAMES + 5))
    again = run(footage, "manifest=clips.csv", "output_dir=all", "workers=1", "--json")
    *own, whole = map(json.loads, again.stdout.splitlines())
    assert {each["state"] for each in own} == {"finished before"}
    assert (len(own), whole["state"], whole["frames"]) == (5, "done", 50)
    assert len(lines(footage / "all/results.jsonl")) == 10


@pytest.mark.slow
def test_clips_that_fail_are_a_line_each_and_the_others_are_done(footage: Path, alone: dict[str, bytes]) -> None:
    done = run(footage, "manifest=some broken.csv", "output_dir=some", code=3)
    assert masks(footage / "some") == alone
    failed = [each for each in lines(footage / "some/results.jsonl") if each["state"] == "failed"]
    assert sorted(str(each["error"]).count("\n") for each in failed) == [0, 0]
    assert "5 done, 2 failed" in done.stdout
    assert done.stderr.count("failed: ") == 2
    assert "gone.mp4" in done.stderr


@pytest.mark.slow
def test_shards_make_together_what_one_batch_makes(footage: Path, alone: dict[str, bytes]) -> None:
    first = run(footage, "manifest=clips.csv", "output_dir=shards", "shard=0/2")
    assert first.stdout.splitlines()[0] == "shard 0 of 2: 3 of 5 clips"
    assert len(masks(footage / "shards")) < len(alone)
    run(footage, "manifest=clips.csv", "output_dir=shards", "shard=auto/2", JOB_COMPLETION_INDEX="1")
    assert masks(footage / "shards") == alone
    assert len(lines(footage / "shards/results-1-of-2.jsonl")) == 2


@pytest.fixture
def started(footage: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A batch that is at its clips, in a folder named after the test."""
    words = command(footage, "manifest=clips.csv", f"output_dir={request.node.name}", "workers=2")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=footage)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for_masks(folder: Path) -> None:
    """Waits until the first mask is written."""
    for _ in range(1200):
        if masks(folder):
            return
        time.sleep(0.05)
    pytest.fail("no clip was ever begun")


@pytest.mark.slow
def test_two_batches_at_once_share_the_work(
    footage: Path, alone: dict[str, bytes], started: subprocess.Popen[str], request: pytest.FixtureRequest
) -> None:
    folder = footage / request.node.name
    run(footage, "manifest=clips.csv", f"output_dir={folder.name}", "workers=2")
    assert started.wait(timeout=60) == 0
    assert masks(folder) == alone
    assert {each["state"] for each in lines(folder / "results.jsonl")} <= {"done", "finished before"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_what_the_next_batch_goes_on_from(
    footage: Path, alone: dict[str, bytes], started: subprocess.Popen[str], request: pytest.FixtureRequest, number: int
) -> None:
    folder = footage / request.node.name
    wait_for_masks(folder)
    started.send_signal(number)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "run the same command again to go on" in said
    assert "Traceback" not in said
    run(footage, "manifest=clips.csv", f"output_dir={folder.name}", "workers=2")
    assert masks(folder) == alone


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_batch_that_is_killed_loses_nothing(
    footage: Path, alone: dict[str, bytes], started: subprocess.Popen[str], request: pytest.FixtureRequest, seed: int
) -> None:
    folder = footage / request.node.name
    wait_for_masks(folder)
    time.sleep(random.Random(seed).uniform(0, 2))
    started.kill()
    started.wait()
    run(footage, "manifest=clips.csv", f"output_dir={folder.name}", "workers=2")
    assert masks(folder) == alone
    assert not list(folder.rglob("*.partial*"))


def test_a_shard_without_a_clip_has_nothing_to_do(footage: Path) -> None:
    done = run(footage, "manifest=clips.csv", "output_dir=none", "shard=6/7")
    assert done.stdout.splitlines()[0] == "shard 6 of 7: 0 of 5 clips"
    assert (footage / "none/results-6-of-7.jsonl").read_bytes() == b""


@pytest.mark.parametrize("left", ["", "\n", "{", '{"row": "clips.csv:2", "vid'])
def test_a_list_of_results_that_was_cut_off_is_gone_on_with(footage: Path, left: str) -> None:
    record = footage / "cut" / "results-6-of-7.jsonl"
    record.parent.mkdir(exist_ok=True)
    record.write_text(left)
    run(footage, "manifest=clips.csv", "output_dir=cut", "shard=6/7")
    assert record.read_text() == left


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give the clips either as manifest=clips.csv or as inputs="),
        (("manifest=clips.csv", "inputs=takes"), "give the clips either as"),
        (("manifest=none.csv",), "manifest=none.csv cannot be read (No such file or directory)"),
        (("inputs=takes/*.avi",), "finds no video"),
        (("manifest=clips.csv", "workers=0"), "workers=0 is no number of processes"),
        (("manifest=clips.csv", "workers=many"), "workers=many is no number of processes"),
        (("manifest=clips.csv", "shard=5/5"), "the shards count from 0 to 4"),
        (("manifest=clips.csv", "video=takes/0.mp4"), "video= is for one clip"),
        (("manifest=clips.csv", "preview=true"), "preview= is for one clip"),
        (("manifest=clips.csv", "engine=none"), "engine=none is unknown; use auto, torch or openvino"),
        (("manifest=clips.csv", "keep=none"), "keep=none is not understood"),
        (("manifest=clips.csv", "start=none"), "start=none is no frame and no time"),
        (("inputs=takes", "concept=none.concept"), "concept=none.concept does not exist; it is given for all clips"),
        (("inputs=takes",), "0.mp4 has no ref_mask, ref_box, ref_point, prompts or concept; give each clip one"),
        (("manifest=clips.csv", "ref_box=[1,2,3,4]"), "clips.csv:2 has both ref_mask and ref_box"),
        (("manifest=clips.csv", "-m", "tracker=persam,published"), "does no sweep"),
        (("manifest=clips.csv", "output_dir=taken"), "is no list of results of vos"),
    ],
)
def test_mistakes_are_told_before_anything_begins(footage: Path, words: tuple[str, ...], told: str) -> None:
    (footage / "taken").mkdir(exist_ok=True)
    (footage / "taken/results.jsonl").write_text("mine\n")
    done = run(footage, *words, code=2)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert told in line
    assert (footage / "taken/results.jsonl").read_text() == "mine\n"
