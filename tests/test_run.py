"""The program on real files: outputs, references of every kind, second runs, interruptions, mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import FRAMES, SIZE, ColourSegmenter, Program, square_clip, square_mask
from following import ctrl_c_at
from PIL import Image

import vos
from vos.io.masks.label_map import read_label_map, write_label_map
from vos.structures import LabelMap

VIDEO = "video=my clip (1).mp4"
MASK = "ref_mask=mask 0.png"


def truth_overlap(folder: Path) -> float:
    """Least IoU of the written masks with the truth."""
    ious = []
    for index in range(FRAMES):
        labels = read_label_map(folder / "masks" / f"{index:05d}.png").labels == 3
        truth = square_mask(index, SIZE).labels > 0
        ious.append(np.logical_and(labels, truth).sum() / np.logical_or(labels, truth).sum())
    return float(min(ious))


def tree(folder: Path) -> dict[str, bytes]:
    """All results but the summary, which holds timings; not what is kept for later, nor the record of the writing."""
    timed = ("summary.json", "written.jsonl", "written.copy.jsonl")
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in timed and "resume" not in p.parts)
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_masks_overlay_and_summary(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(VIDEO, MASK) == 0
    folder = Path("outputs/my-clip-(1)")
    assert sorted(p.name for p in folder.iterdir()) == [
        ".vos",
        "frames_to_check.png",
        "masks",
        "overlay.mp4",
        "report.html",
        "summary.json",
    ]
    assert truth_overlap(folder) > 0.6
    with Image.open(folder / "masks/00000.png") as image:
        assert image.mode == "P"
    with av.open(str(folder / "overlay.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["model"] == {
        "name": "colour",
        "checkpoint": "colour.safetensors",
        "sha256": "0" * 64,
        "device": "cpu",
        "engine": ColourSegmenter.engine,
        "precision": "float32",
    }
    assert summary["config"]["tracker"]["name"] == "persam"
    assert set(summary["timings_seconds"]) == {"read", "encode", "learn", "track", "merge", "write"}
    assert [row["frame"] for row in summary["frames"]] == [f"{i:05d}" for i in range(FRAMES)]
    assert summary["frames"][5]["time"] == pytest.approx(5 / 25)
    first = summary["frames"][0]["objects"]["3"]
    assert first == {"predicted_iou": 1.0, "area": 256, "box": [8, 16, 16, 16], "presence": "present"}
    assert "12 frames at" in capsys.readouterr().out


def test_what_was_understood_of_the_mask_is_said_and_kept(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    ids = read_label_map(Path("mask 0.png")).labels.astype(np.uint16) * 1000
    Image.fromarray(ids).save("ids.png")
    assert program(VIDEO, "ref_mask=ids.png", "output_dir=ids", "output=[masks]") == 0
    assert "ref_mask: 1 object: 1 = 3000 (256 px)\n" in capsys.readouterr().out
    assert json.loads(Path("ids/summary.json").read_text())["original_ids"] == {"1": 3000}
    assert read_label_map("ids/masks/00000.png").object_ids == (1,)


def test_names_stand_in_summary_and_overlay(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(VIDEO, MASK, "output_dir=unnamed") == 0
    assert program(VIDEO, MASK, "output_dir=named", "object_names={3: the/dog}") == 2
    assert program(VIDEO, MASK, "output_dir=named", "object_names={3: the dog's}") == 0
    summaries = [json.loads(Path(folder, "summary.json").read_text()) for folder in ("unnamed", "named")]
    assert [summary["object_names"] for summary in summaries] == [{"3": "object_3"}, {"3": "the dog's"}]
    named, unnamed = (Path(folder, "overlay.mp4").read_bytes() for folder in ("named", "unnamed"))
    assert named != unnamed
    capsys.readouterr()
    assert program(VIDEO, MASK, "output_dir=other", "object_names={1: rex}") == 2
    assert "object_names= names 1, but the ids of the objects are 3" in capsys.readouterr().err


def test_the_model_that_suits_the_number_of_objects_sees_the_frames(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    suited = {1: ColourSegmenter(), 2: ColourSegmenter()}
    monkeypatch.setattr(ColourSegmenter, "for_objects", lambda self, count: suited[count])
    labels = read_label_map(Path("mask 0.png")).labels.copy()
    labels[-3:, -3:] = 4
    write_label_map(Path("two.png"), LabelMap(labels, (3, 4)))
    for number, mask in ((1, MASK), (2, "ref_mask=two.png")):
        assert program(VIDEO, mask, f"output_dir={number}", "output=[masks]") == 0
        assert suited[number].encoded == FRAMES


def test_all_outputs(program: Program) -> None:
    assert program(VIDEO, MASK, "output=[masks,overlay,matte,rle]", "output_dir=all") == 0
    assert sorted(p.name for p in Path("all").iterdir()) == [
        ".vos",
        "frames_to_check.png",
        "masks",
        "matte.mov",
        "overlay.mp4",
        "report.html",
        "rle.json",
        "summary.json",
    ]
    assert len(json.loads(Path("all/rle.json").read_text())) == FRAMES


def test_a_folder_of_images_in_natural_order(program: Program) -> None:
    Path("frames").mkdir()
    for index, image in enumerate(square_clip(FRAMES, SIZE)):
        Image.fromarray(image).save(f"frames/img{index}.png")
    assert program("video=frames", MASK, "output=masks", "output_dir=out") == 0
    names = sorted((p.name for p in Path("out/masks").iterdir()), key=lambda n: int("".join(filter(str.isdigit, n))))
    assert len(names) == FRAMES
    last = read_label_map(Path("out/masks") / names[-1]).labels
    assert (last > 0).sum() > 100
    # It moves by a pixel per frame: in the order of characters the last file would show the tenth frame.
    np.testing.assert_allclose((last > 0).nonzero()[1].mean(), 8 + FRAMES - 1 + 8, atol=1)


def test_a_later_frame_and_several_masks(program: Program) -> None:
    assert program(VIDEO, "ref_mask=mask 5.png", "ref_frame=5", "output=masks", "output_dir=later") == 0
    assert truth_overlap(Path("later")) > 0.6
    words = ["ref_mask=[mask 0.png,mask 9.png]", "ref_frame=[0,9]", "output=masks", "output_dir=several"]
    assert program(VIDEO, *words) == 0
    np.testing.assert_array_equal(read_label_map("several/masks/00009.png").labels, square_mask(9, SIZE, 3).labels)


@pytest.mark.parametrize("prompt", ["ref_box=[8,16,16,16]", "ref_point=[15,23]"])
def test_a_box_or_point_instead_of_a_mask(program: Program, prompt: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program(VIDEO, prompt, "output=masks", "output_dir=out") == 0
    first = read_label_map("out/masks/00000.png").labels
    assert (first == square_mask(0, SIZE).labels).mean() > 0.98
    with Image.open("out/reference.png") as image:
        assert image.width == 480, "room for three candidates"
    said = capsys.readouterr().out
    assert "pixels, predicted IoU 0.90" in said
    assert "reference.png shows the masks" in said


def test_a_finished_run_is_not_redone_unless_asked(
    program: Program, models: list[ColourSegmenter], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [VIDEO, MASK, "output_dir=out"]
    assert program(*words) == 0
    assert program(*words) == 0
    assert "finished already" in capsys.readouterr().out
    assert models[1].encoded == 0
    assert program(*words, "overwrite=true") == 0
    assert models[2].encoded == FRAMES
    assert program(*words, "tracker.refine_steps=1") == 0
    assert models[3].encoded == FRAMES
    write_label_map("mask 0.png", square_mask(1, SIZE, object_id=3))
    assert program(*words, "tracker.refine_steps=1") == 0
    assert models[4].encoded == FRAMES


def test_results_inside_the_folder_of_the_frames_are_no_frames(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("frames").mkdir()
    for index, image in enumerate(square_clip(3, SIZE)):
        Image.fromarray(image).save(f"frames/{index}.png")
    words = ["video=frames", MASK, "output_dir=frames/out"]
    assert program(*words) == 0
    assert program(*words) == 0
    assert "finished already" in capsys.readouterr().out


@pytest.mark.parametrize("ref_frame", [0, 5])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    program: Program,
    models: list[ColourSegmenter],
    ref_frame: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [VIDEO, f"ref_mask=mask {ref_frame}.png", f"ref_frame={ref_frame}", "output=[masks,overlay,matte,rle]"]
    assert program(*words, "output_dir=whole") == 0
    with ctrl_c_at(9):
        assert program(*words, "output_dir=part") == 130
    assert [p.name for p in Path("part").iterdir()] == [".vos"]
    assert program(*words, "output_dir=part") == 0
    assert "going on after" in capsys.readouterr().out
    assert models[-1].encoded < FRAMES
    assert tree(Path("part")) == tree(Path("whole"))


# The process ends in the middle of a frame, without any word to Python: as killed, or as in a power cut.
KILLED = """
import os, sys
sys.path.insert(0, sys.argv.pop(1))
stop = int(sys.argv.pop(1))
from fakes import ColourSegmenter
import vos.video.direction, vos.video.pipeline, vos.cli.video, vos.run
vos.cli.video.load_model = lambda *_: ColourSegmenter()
vos.video.direction.STATE_INTERVAL = 0.0
track, calls = vos.video.pipeline.track, []

def killed(*arguments):
    calls.append(arguments)
    if len(calls) == stop:
        os._exit(9)
    return track(*arguments)

vos.video.pipeline.track = killed
sys.exit(vos.run.main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("ref_frame", [0, 5])
def test_a_killed_run_goes_on_to_the_same_bytes(
    program: Program, clip: Path, ref_frame: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [VIDEO, f"ref_mask=mask {ref_frame}.png", f"ref_frame={ref_frame}", "output=[masks,overlay,matte,rle]"]
    assert program(*words, "output_dir=whole") == 0
    support = Path(__file__).parent / "support"
    command = [sys.executable, "-c", KILLED, str(support), "10", *words, "output_dir=part"]
    assert subprocess.run(command, cwd=clip.parent, check=False, capture_output=True).returncode == 9
    assert not (Path("part") / "summary.json").exists()
    assert program(*words, "output_dir=part") == 0
    assert "going on after" in capsys.readouterr().out
    assert tree(Path("part")) == tree(Path("whole"))


def test_a_sweep_writes_one_folder_per_combination(program: Program) -> None:
    assert program("-m", VIDEO, MASK, "output=[masks]", "tracker.refine_steps=0,1", "tracker=persam") == 0
    names = sorted(p.name for p in Path("outputs/my-clip-(1)").iterdir())
    assert names == ["tracker.refine_steps=0", "tracker.refine_steps=1"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([MASK], "no video"),
        ([VIDEO], "exactly one of ref_mask="),
        ([VIDEO, MASK, "ref_point=[1,2]"], "ref_mask and ref_point"),
        ([VIDEO, "ref_mask=missing.png"], "missing.png"),
        (["video=missing.mp4", MASK], "missing.mp4"),
        (["video=mask 0.txt", MASK], "mask 0.txt"),
        ([VIDEO, MASK, "ref_frame=99"], "99"),
        ([VIDEO, MASK, "ref_frame=-1"], "ref_frame=-1"),
        ([VIDEO, MASK, "ref_frame=[0,3]"], "1 masks"),
        ([VIDEO, MASK, "output=[masks,tiff]"], "tiff"),
        ([VIDEO, MASK, "reader=ffmpeg"], "reader=ffmpeg"),
        ([VIDEO, MASK, "batch_size=0"], "batch_size=0"),
        ([VIDEO, "ref_box=[0,0,500,10]"], "ref_box"),
        ([VIDEO, MASK, "matte.format=gif"], "matte.format=gif is not understood; choose mov or webm"),
        ([VIDEO, MASK, "output=composite", "background=none.jpg"], "background=none.jpg is not there; give blur"),
        ([VIDEO, MASK, "output=composite", "background=mask 0.txt"], "background=mask 0.txt: "),
        ([VIDEO, MASK, "sequence.pattern={clip}_{obj}.{frame}"], "={clip}_{obj}.{frame} holds another place than"),
        ([VIDEO, MASK, "experiment=nope"], "experiment=nope is unknown; choose one of thorough"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(
    program: Program, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mask 0.txt").write_text("not a video")
    assert program(*words, "output_dir=out") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "frame/s" not in line and line]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert not Path("out").exists()


def test_help_needs_nothing(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program("--help") == 0
    assert program() == 0
    assert "ref_mask" in capsys.readouterr().out


def test_the_summary_counts_what_a_cut_video_lacks(
    program: Program, clip: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with av.open(str(clip)) as source, av.open("cut.mkv", "w") as output:
        track = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                output.mux(packet)
    assert program("video=cut.mkv", MASK, "output_dir=a") == 0
    assert json.loads(Path("a/summary.json").read_text())["video_lacks"] == {"damaged": 0, "missing": 0}
    assert "missing" not in capsys.readouterr().err + caplog.text
    data = Path("cut.mkv").read_bytes()
    Path("cut.mkv").write_bytes(data[: len(data) * 8 // 10])
    assert program("video=cut.mkv", MASK, "output_dir=b") == 0
    summary = json.loads(Path("b/summary.json").read_text())
    assert 0 < len(summary["frames"]) < FRAMES
    lacks = summary["video_lacks"]
    assert len(summary["frames"]) + lacks["missing"] + lacks["damaged"] >= FRAMES
    assert f"frames missing: {lacks['missing']}" in caplog.text


def test_what_is_done_to_the_frames_is_said(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    with av.open("fields.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": "interlaced=1"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for image in square_clip(4, SIZE):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    assert program("video=fields.mp4", MASK, "output_dir=a") == 0
    assert "fields.mp4 is interlaced, deinterlaced; deinterlace=off leaves the fields" in capsys.readouterr().out
    assert program("video=fields.mp4", MASK, "output_dir=a", "deinterlace=no") == 2
    assert "deinterlace=no is unknown; choose one of: auto, off" in capsys.readouterr().err


def names_in(folder: str) -> list[str]:
    others = (".vos", "report.html", "frames_to_check.png")
    return sorted(path.name for path in Path(folder).iterdir() if path.name not in others)


def test_a_run_with_other_options_leaves_nothing_of_the_earlier_one(
    program: Program, convert: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(VIDEO, MASK, "output=[masks,coco,yolo]", "output_dir=out") == 0
    assert convert("out", "output=[gif,mot]") == 0
    Path("out/cvat.xml").write_text("mine")
    assert program(VIDEO, MASK, "ref_frame=99", "output_dir=out", "output=[masks]") == 2
    assert len(names_in("out")) == 7, "a mistake costs nothing"
    capsys.readouterr()
    with ctrl_c_at(7):
        assert program(VIDEO, MASK, "end=10", "output_dir=out", "output=masks") == 130
    assert names_in("out") == ["coco.json", "cvat.xml", "masks", "mot.txt", "preview.gif", "yolo"]
    assert len(list(Path("out/masks").iterdir())) == FRAMES
    assert program(VIDEO, MASK, "end=10", "output_dir=out", "output=masks") == 0
    removed = "out held results of other options, which were removed: preview.gif, coco.json, yolo, mot.txt\n"
    assert removed in capsys.readouterr().out
    assert names_in("out") == ["cvat.xml", "masks", "summary.json"]
    assert len(list(Path("out/masks").iterdir())) == 10
    assert program(VIDEO, MASK, "end=10", "output_dir=fresh", "output=masks") == 0
    assert tree(Path("out/masks")) == tree(Path("fresh/masks"))
    assert json.loads(Path("out/summary.json").read_text())["outputs"] == {"masks": {"files": 10}}


def test_other_forms_of_the_same_results_stay_and_a_part_of_them_is_finished(
    program: Program, convert: Program, models: list[ColourSegmenter], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program(VIDEO, MASK, "output=[masks,coco]", "output_dir=out") == 0
    assert convert("out", "output=gif") == 0
    before = tree(Path("out"))
    capsys.readouterr()
    assert program(VIDEO, MASK, "output=coco", "output_dir=out") == 0
    assert "is finished already" in capsys.readouterr().out
    assert program(VIDEO, MASK, "output=[matte,coco]", "keep=alpha", "output_dir=out") == 0
    assert "were removed" not in capsys.readouterr().out
    summary = json.loads(Path("out/summary.json").read_text())
    assert {name: each["files"] for name, each in summary["outputs"].items()} == {
        "masks": FRAMES,
        "coco": 1,
        "matte": 1,
        "alpha": FRAMES,
    }
    after = tree(Path("out"))
    assert {name: after[name] for name in before if name != "report.html"} == {
        name: before[name] for name in before if name != "report.html"
    }
    assert program(VIDEO, MASK, "output=[masks,coco]", "output_dir=out") == 0
    assert "is finished already" in capsys.readouterr().out
    assert next(iter(vos.load("out"))).labels.any()
    # With another last touch, what has none goes; masks are without it anyway.
    assert program(VIDEO, MASK, "output=mot", "finish.grow=2", "output_dir=out") == 0
    assert "were removed: matte.mov, coco.json\n" in capsys.readouterr().out
    assert names_in("out") == ["alpha", "masks", "mot.txt", "preview.gif", "summary.json"]
    assert next(iter(vos.load("out"))).labels.any()


@pytest.mark.parametrize("output", ["masks", "alpha", "rle.json"])
@pytest.mark.parametrize("is_emptied", [True, False])
def test_a_run_that_lacks_a_file_is_not_finished(
    program: Program,
    convert: Program,
    models: list[ColourSegmenter],
    output: str,
    is_emptied: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [VIDEO, MASK, f"output=[{'rle' if output == 'rle.json' else 'masks'}]", "keep=alpha", "output_dir=out"]
    assert program(*words) == 0
    before = tree(Path("out"))
    path = Path("out", output)
    path = sorted(path.rglob("*.png"))[3] if path.is_dir() else path
    path.write_text("") if is_emptied else path.unlink()
    capsys.readouterr()
    assert convert("out", "output=[png_rgba]") == 2
    told = capsys.readouterr().err
    assert "missing or empty; the command that made these results writes it anew" in told or "holds no masks" in told
    assert program(*words) == 0
    assert f"out/{output} lacks 1 file; it is written anew\n" in capsys.readouterr().out
    assert tree(Path("out")) == before
    assert models[-1].encoded == 0
