"""Results in a folder: the bytes of the command line, and back again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fakes import FRAMES, Program, square_clip, square_mask

import vos

ALL = ["masks", "overlay", "matte", "rle"]
VIDEO, MASK = "video=clip.mp4", "ref_mask=mask 0.png"


def files(folder: str) -> dict[str, bytes]:
    """All files but the summary, which holds timings, what only a run writes, and the notes of the writing."""
    found = (path for path in Path(folder).rglob("*") if path.is_file() and ".vos" not in path.parts)
    others = ("summary.json", "report.html", "frames_to_check.png")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if path.name not in others}


def told(folder: str) -> object:
    summary = json.loads((Path(folder) / "summary.json").read_text())
    return [summary[key] for key in ("versions", "model", "video", "object_names", "frames", "video_lacks")]


@pytest.mark.parametrize("late", [False, True])
def test_bytes_are_those_of_the_command_line(here: Program, late: bool) -> None:
    words = [MASK] if not late else ["ref_mask=mask 5.png", "ref_frame=5"]
    assert here(VIDEO, *words, f"output=[{','.join(ALL)}]", "output_dir=theirs") == 0
    reference = {5: "mask 5.png"} if late else "mask 0.png"
    assert vos.write(vos.track("clip.mp4", reference), "ours", ALL) == Path("ours")
    assert len(files("ours")) == FRAMES + 3
    assert files("ours") == files("theirs")
    assert told("ours") == told("theirs")


def test_a_folder_is_read_back_as_it_was_tracked(here: Program) -> None:
    assert here(VIDEO, MASK, "output=masks", "output_dir=out", "object_names={3: rex}") == 0
    results = vos.load("out")
    tracked = list(vos.track("clip.mp4", "mask 0.png", names={3: "rex"}))
    loaded = list(results)
    assert repr(loaded) == repr(tracked)
    for one, other in zip(loaded, tracked):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.frame.rgb, other.frame.rgb)
    with pytest.raises(vos.VosError, match="no soft masks"):
        _ = loaded[0][3].alpha
    vos.write(vos.load("out"), "again", ["masks", "overlay"])
    vos.write(vos.track("clip.mp4", "mask 0.png", names={3: "rex"}), "direct", ["masks", "overlay"])
    assert files("again") == files("direct")


def test_run_lengths_are_read_back_too(here: Program) -> None:
    assert here(VIDEO, MASK, "output=[masks,rle]", "output_dir=out") == 0
    expected = [result.labels for result in vos.load("out")]
    shutil.rmtree("out/masks")
    np.testing.assert_array_equal([result.labels for result in vos.load("out")], expected)
    path = Path("out/rle.json")
    text = path.read_text()
    for wrong in (text[: len(text) // 2], text.replace('"counts":"', '"counts":"~~'), text.replace("image_id", "id")):
        path.write_text(wrong)
        with pytest.raises(vos.VosError, match=r"rle\.json"):
            list(vos.load("out"))


def test_a_part_of_a_clip_is_read_back_with_its_own_frames(here: Program) -> None:
    words = ["ref_mask=mask 5.png", "ref_frame=5", "start=3", "end=10", "every=2"]
    assert here(VIDEO, *words, "output=masks", "output_dir=part") == 0
    loaded = list(vos.load("part"))
    assert [result.index for result in loaded] == [3, 5, 7, 9]
    assert [result.time for result in loaded] == pytest.approx([0.12, 0.2, 0.28, 0.36])


def test_a_video_that_has_gone_is_missed_only_where_it_is_needed(here: Program) -> None:
    assert here(VIDEO, MASK, "output=masks", "output_dir=out") == 0
    Path("my clip (1).mp4").rename("moved.mp4")
    first = next(vos.load("out"))
    assert (first.index, first.ids, first.labels.max()) == (0, (3,), 3)
    assert first._repr_jpeg_()
    with pytest.raises(vos.VosError, match=r"picture of frame 00000 is not at hand; give the video"):
        _ = first.frame
    assert next(vos.load("out", "moved.mp4")).frame.rgb.shape == (96, 128, 3)
    vos.write(vos.load("out"), "again", ["masks", "rle"])
    with pytest.raises(vos.VosError, match="not at hand"):
        vos.write(vos.load("out"), "again", "overlay")
    with pytest.raises(vos.VosError, match=r"none\.mp4 does not exist"):
        vos.load("out", "none.mp4")


@pytest.mark.usefixtures("here")
def test_loose_results_are_written_too() -> None:
    some = [result for result in vos.track(iter(square_clip(6, (96, 128))), "mask.png") if result.index % 2 == 0]
    vos.write(some, "out", ALL)
    assert sorted(path.name for path in Path("out/masks").iterdir()) == ["00000.png", "00002.png", "00004.png"]
    assert [result.index for result in vos.load("out")] == [0, 2, 4]
    small = next(vos.track(square_clip(1), square_mask(0).labels))
    small.index = 9
    one = next(vos.track("clip.mp4", "mask.png"))
    for wrong, said in (
        ([], "no results to write"),
        (one, r"Result\(frame 00000 .*\) is no series of results; give those of vos.track"),
        (None, "None is no series of results"),
        (["clip.mp4"], "a str is no result; give those of vos.track"),
        (some[::-1], "frame 2 follows frame 4; give results of one video in their order"),
        ([*some, *some], "frame 0 follows frame 4"),
        ([*some, small], r"frame 9 is 48x64, but the first one is 96x128 \(height x width\)"),
    ):
        with pytest.raises(vos.VosError, match=said):
            vos.write(wrong, "none")  # type: ignore[arg-type]
    with pytest.raises(vos.VosError, match=r"output=\[\] is nothing; choose from masks"):
        vos.write(some, "none", None)  # type: ignore[arg-type]
    assert not Path("none").exists()


@pytest.mark.usefixtures("here")
def test_options_say_how_results_are_written() -> None:
    results = list(vos.track("clip.mp4", "mask.png"))
    for folder, options in (("as", {"matte.format": "webm", "finish.grow": 2}), ("plain", {"matte.format": "webm"})):
        vos.write(vos.track("clip.mp4", "mask.png"), folder, "matte", options=options)
    assert Path("as/matte.webm").read_bytes() != Path("plain/matte.webm").read_bytes()
    for wrong, said in (
        ({"matte.formt": "mov"}, "there is no option matte.formt; did you mean matte.format"),
        ({"matte_format": "mov"}, "matte_format has another name since 0.4.0; write matte.format=mov"),
        ({"finish.grow": 900}, "finish.grow=900 is outside of -500..500"),
        ({"background": "none.jpg"}, "background=none.jpg is not there"),
    ):
        with pytest.raises(vos.VosError, match=said):
            vos.write(results, "none", "composite", options=wrong)
    assert not Path("none").exists()


@pytest.mark.usefixtures("here")
def test_an_error_leaves_nothing_and_strangers_stay() -> None:
    with pytest.raises(vos.VosError, match="choose from masks, overlay, matte, composite, rle"):
        vos.write(vos.track("clip.mp4", "mask.png"), "out", ["alpha"])
    with pytest.raises(vos.VosError, match="has no frame 99"):
        vos.write(vos.track("clip.mp4", {99: "mask.png"}), "out")
    assert not Path("out").exists()
    Path("mine/masks").mkdir(parents=True)
    Path("mine/masks/00000.png").write_bytes(b"mine")
    with pytest.raises(vos.VosError, match="it is yours: no run of vos wrote it"):
        vos.write(vos.track("clip.mp4", "mask.png"), "mine", "masks")
    vos.write(vos.track("clip.mp4", "mask.png"), "out", "masks")
    read = vos.track("clip.mp4", "mask.png")
    assert len(list(read)) == FRAMES
    with pytest.raises(vos.VosError, match="these were read to their end, or closed"):
        vos.write(read, "out", "masks")
    with pytest.raises(vos.VosError, match="would write"):
        vos.write(vos.load("out"), "out", "masks")
    with pytest.raises(vos.VosError, match=r"reference=out/masks/00000\.png lies where this run would write"):
        vos.write(vos.track("clip.mp4", "out/masks/00000.png"), "out", "masks")
    assert len(list(vos.load("out"))) == FRAMES


@pytest.mark.usefixtures("here")
def test_damaged_folders_are_one_line() -> None:
    with pytest.raises(vos.VosError, match="no finished results"):
        vos.load("none")
    vos.write(vos.track("clip.mp4", "mask.png"), "out", "overlay")
    with pytest.raises(vos.VosError, match="out holds no masks"):
        vos.load("out")
    vos.write(vos.track("clip.mp4", "mask.png"), "out", "masks")
    summary = Path("out/summary.json")
    text = summary.read_text()
    for wrong in (
        "",
        "{}",
        text.replace('"frames": [', '"frams": ['),
        text.replace('"path"', '"pth"'),
        text.replace('"fps"', '"f"'),
    ):
        summary.write_text(wrong)
        with pytest.raises(vos.VosError, match="no summary of a video's results, or damaged"):
            vos.load("out")
    for wrong in (
        text.replace('"3": {', '"2": {'),
        text.replace('"3": {', '"x": {'),
        text.replace("present", "here"),
        text.replace('"area"', "area", 1),
        text.replace('"predicted_iou": 1.0', '"predicted_iou": NaN', 1),
        "".join(text.splitlines(keepends=True)[:-5]),
    ):
        summary.write_text(wrong)
        with pytest.raises(vos.VosError, match="summary"):
            list(vos.load("out"))


def test_other_forms_of_the_same_results_stay_and_those_of_others_go(here: Program) -> None:
    assert here(VIDEO, MASK, "output=[masks]", "output_dir=run") == 0
    for output in ("coco", "masks"):
        vos.write(vos.load("run"), "out", [output])
    assert sorted(path.name for path in Path("out").iterdir()) == [".vos", "coco.json", "masks", "summary.json"]
    assert vos.load("out").about["outputs"] == {"coco": {"files": 1}, "masks": {"files": FRAMES}}
    with pytest.raises(vos.VosError, match=r"summary=.* lies where this run would write"):
        vos.write(vos.load("out"), "out", ["rle"])
    vos.write(list(vos.load("run"))[:5], "out", ["rle"])
    assert sorted(path.name for path in Path("out").iterdir()) == [".vos", "rle.json", "summary.json"]
