"""``python -m vos.convert``: other forms of finished results, with the bytes of a run that had made them itself."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import FRAMES, SIZE, Program, square_clip, square_mask
from PIL import Image

import vos
from vos.io.writers.choice import OUTPUTS

VIDEO, MASK = "video=my clip (1).mp4", "ref_mask=mask 0.png"
FORMS = [name for name, output in OUTPUTS.items() if not output.has_alpha]  # that need nothing kept
LATER = [name for name in FORMS if name != "masks"]

Capture = pytest.CaptureFixture[str]


def files(folder: str) -> dict[str, bytes]:
    found = (path for path in Path(folder).rglob("*") if path.is_file() and ".vos" not in path.parts)
    others = ("summary.json", "report.html", "frames_to_check.png")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if path.name not in others}


def test_every_form_has_the_bytes_of_the_run(program: Program, convert: Program, capsys: Capture) -> None:
    names = "object_names={3: rex}"
    assert program(VIDEO, MASK, names, f"output=[{','.join(FORMS)}]", "output_dir=whole") == 0
    assert "IoU of polygons and masks" in capsys.readouterr().out
    assert program(VIDEO, MASK, names, "output=masks", "output_dir=later") == 0
    summary = Path("later/summary.json").read_bytes()
    capsys.readouterr()
    assert convert("later", f"output=[{','.join(LATER)}]") == 0
    said = capsys.readouterr().out
    assert f"{FRAMES} frames" in said
    assert "IoU of polygons and masks" in said
    assert files("later") == files("whole")
    assert Path("later/summary.json").read_bytes() == summary
    # A second time, into another folder, from the run lengths alone.
    whole = files("whole")
    shutil.rmtree("whole/masks")
    assert convert("results=whole", f"output=[{','.join(FORMS)}]", "output_dir=again") == 0
    assert files("again") == whole


@pytest.mark.parametrize("video", ["my clip (1).mp4", "frames"])
def test_soft_masks_that_are_kept_make_mattes_later(video: str, program: Program, convert: Program) -> None:
    if video == "frames":
        frames_of("my clip (1).mp4")
    later = "[matte,composite,png_rgba,coco]"
    Image.new("RGB", (30, 30), (10, 200, 30)).save("green.png")
    words = [f"video={video}", "ref_mask=mask 5.png", "ref_frame=5", "end=10", "background=green.png"]
    assert program(*words, "output=[masks,matte,composite,png_rgba,coco]", "output_dir=whole") == 0
    assert program(*words, "output=masks", "keep=alpha", "output_dir=later") == 0
    assert convert("later", f"output={later}", "background=green.png") == 0
    kept = {name: data for name, data in files("later").items() if name.startswith("alpha/3/")}
    assert len(kept) == 10
    assert {name: data for name, data in files("later").items() if name not in kept} == files("whole")
    softened = next(vos.load("later"))[3].alpha
    with Image.open("later/png_rgba/" + Path(min(kept)).name) as image:
        np.testing.assert_array_equal(np.asarray(image)[..., 3], softened)
    # What an earlier run of other options has kept is not this one's.
    assert program(*words, "object_names={3: rex}", "output=rle", "report=false", "output_dir=later") == 0
    assert sorted(path.name for path in Path("later").iterdir()) == [".vos", "rle.json", "summary.json"]
    with pytest.raises(vos.VosError, match="no soft masks"):
        _ = next(vos.load("later"))[3].alpha
    assert convert("later", f"output={later}") == 2
    assert convert("later", "output=coco") == 0


FINISH = ["finish.grow=3", "finish.feather=4", "finish.fill_holes=true", "finish.min_piece=0.05", "finish.smooth=0.2"]
NUMBERED = ["sequence.pattern={clip}_{object}.{frame}", "sequence.first_number=1001", "sequence.padding=6"]


def test_the_last_touch_is_the_same_later_and_is_not_given_twice(
    program: Program, convert: Program, capsys: Capture
) -> None:
    outputs = f"output=[masks,matte,overlay,coco,png_rgba,png_alpha{',exr' * (find_spec('OpenEXR') is not None)}]"
    assert program(VIDEO, MASK, "output=masks", "output_dir=plain") == 0
    assert program(VIDEO, MASK, outputs, *FINISH, *NUMBERED, "keep=alpha", "output_dir=whole") == 0
    whole = {name: data for name, data in files("whole").items() if not name.startswith("alpha")}
    masks = {name: data for name, data in files("whole").items() if name.startswith("masks")}
    assert masks == files("plain")  # which the last touch leaves alone
    assert convert("whole", outputs, *FINISH, *NUMBERED, "output_dir=later") == 0
    assert files("later") == whole
    assert f"png_alpha/my clip (1)_3.{1000 + FRAMES:06d}.png" in whole
    assert convert("whole", "output=coco", "output_dir=unfinished") == 0
    assert files("unfinished")["coco.json"] != whole["coco.json"]
    # With masks that are finished, everything is made of these.
    assert program(VIDEO, MASK, outputs, *FINISH, *NUMBERED, "finish.masks=true", "keep=alpha", "output_dir=all") == 0
    made = {name: data for name, data in files("all").items() if not name.startswith("alpha")}
    assert made == whole | {name: data for name, data in made.items() if name.startswith("masks")}
    assert made.keys() == whole.keys()
    assert all(made[name] != data for name, data in masks.items())
    assert convert("all", outputs, *NUMBERED, "output_dir=again") == 0
    assert files("again") == made
    capsys.readouterr()
    assert convert("all", "output=coco", "finish.grow=1", "output_dir=twice") == 2
    assert "all/masks was finished already: leave out finish.*" in capsys.readouterr().err
    assert not Path("twice").exists()


def test_masks_that_were_changed_by_hand_are_told(program: Program, convert: Program, capsys: Capture) -> None:
    assert program(VIDEO, MASK, "output=[masks]", "output_dir=out") == 0
    shutil.copy("out/masks/00000.png", "out/masks/00001.png")
    Path("out/masks/00005.png").touch()  # as it was, but for the time
    for words in (["out"], ["out", "output=mot"]):
        capsys.readouterr()
        assert convert(*words) == 0
        told = "warning: 1 of the masks in out/masks differ from what the run wrote; scores and presence are the run's"
        assert capsys.readouterr().err.splitlines() == [told]
    assert convert("out", "output_dir=out/masks") == 2
    assert "out/masks lies among the results in" in capsys.readouterr().err
    assert program(VIDEO, MASK, "output=[masks,rle]", "output_dir=out") == 2
    assert "00001.png would be replaced, but it was changed since vos wrote it" in capsys.readouterr().err


def test_soft_masks_that_were_changed_by_hand_are_told(program: Program, convert: Program, capsys: Capture) -> None:
    assert program(VIDEO, MASK, "output=[masks]", "keep=alpha", "output_dir=out") == 0
    first, other = sorted(Path("out/alpha").rglob("*.png"))[:2]
    shutil.copy(first, other)
    capsys.readouterr()
    assert convert("out", "output=png_alpha") == 0
    told = "warning: 1 of the soft masks in out/alpha differ from what the run wrote; hard masks are the run's"
    assert capsys.readouterr().err.splitlines() == [told]


def test_nothing_goes_among_the_frames(program: Program, convert: Program, capsys: Capture) -> None:
    frames_of("my clip (1).mp4")
    assert program("video=frames", MASK, "output=[masks]", "output_dir=out") == 0
    before = sorted(Path("frames").iterdir())
    assert convert("out", "output=[gif]", "output_dir=frames") == 2
    assert "output_dir=frames holds the frames of video=" in capsys.readouterr().err
    assert sorted(Path("frames").iterdir()) == before


def frames_of(video: str) -> None:
    """Writes the frames of a video into a folder, under names that are not their numbers."""
    capture = cv2.VideoCapture(video)
    Path("frames").mkdir()
    for index in range(FRAMES):
        cv2.imwrite(f"frames/shot_{10 * index}.png", capture.read()[1])


def test_ids_above_255_come_back(program: Program, convert: Program) -> None:
    cv2.imwrite("mots.png", (square_mask(0, (96, 128)).labels.astype(np.uint16) * 2003))
    assert program(VIDEO, "ref_mask=mots.png", "output=[masks,coco,npz,mots,cvat]", "output_dir=out") == 0
    made = files("out")
    assert convert("out", "output=[coco,npz,mots,cvat]", "output_dir=again") == 0
    assert {name: made[name] for name in files("again")} == files("again")
    coco = json.loads(Path("out/coco.json").read_text())
    assert coco["categories"] == [{"id": 2003, "name": "object_2003", "supercategory": "object"}]
    assert {one["category_id"] for one in coco["annotations"]} == {2003}
    assert {line.split()[1] for line in Path("out/mots.txt").read_text().splitlines()} == {"2003"}
    with np.load("out/results.npz") as data:
        assert set(np.unique(data["labels"])) == {0, 2003}


def test_soft_masks_alone_are_told_of_before_the_work_and_completed_without_tracking(
    program: Program, convert: Program, capsys: Capture
) -> None:
    hint = "keep=alpha without output=masks: vos.convert needs masks, too; add them\n"
    assert program(VIDEO, MASK, "output=overlay", "keep=alpha", "output_dir=out") == 0
    said = capsys.readouterr().out
    assert said.count(hint) == 1
    assert said.index(hint) < said.index("out/overlay.mp4")
    assert convert("out", "output=png_rgba") == 2
    assert "the same run with masks added makes them without tracking again" in capsys.readouterr().err
    assert program(VIDEO, MASK, "output=[overlay,masks]", "keep=alpha", "output_dir=out") == 0
    said = capsys.readouterr().out
    assert hint not in said
    assert "none of them tracked again" in said
    assert convert("out", "output=png_rgba") == 0
    assert program(VIDEO, MASK, "output=coco", "keep=alpha", "output_dir=out") == 0
    assert hint not in capsys.readouterr().out, "the masks are there"


@pytest.mark.parametrize("words", [["start=3", "end=10", "every=2"], ["end=00:00.3"]])
def test_a_part_of_a_clip(words: list[str], program: Program, convert: Program) -> None:
    given = ["ref_mask=mask 5.png", "ref_frame=5"]
    output = f"output=[{','.join(FORMS)}]"
    assert program(VIDEO, *given, *words, output, "output_dir=whole") == 0
    assert program(VIDEO, *given, *words, "output=masks", "output_dir=later") == 0
    assert convert("later", f"output=[{','.join(LATER)}]") == 0
    assert files("later") == files("whole")


def test_a_folder_of_images_keeps_the_names_of_its_files(program: Program, convert: Program) -> None:
    frames_of("my clip (1).mp4")
    assert program("video=frames", MASK, f"output=[{','.join(FORMS)}]", "output_dir=whole") == 0
    assert program("video=frames", MASK, "output=masks", "output_dir=later") == 0
    images = json.loads(Path("whole/coco.json").read_text())["images"]
    assert [one["file_name"] for one in images] == [f"frames/shot_{10 * index}.png" for index in range(FRAMES)]
    assert convert("later", f"output=[{','.join(LATER)}]") == 0
    assert files("later") == files("whole")
    assert Path("whole/mot.txt").read_text().splitlines()[-1].startswith(f"{FRAMES},3,")


def test_images_of_several_kinds_keep_their_names(program: Program, convert: Program) -> None:
    Path("frames").mkdir()
    names = [f"{'abcd'[index]}.{['jpg', 'png'][index % 2]}" for index in range(4)]
    for name, image in zip(names, square_clip(4, SIZE)):
        Image.fromarray(image).save(f"frames/{name}")
    forms = "output=[coco,ytvis,cvat_images]"
    assert program("video=frames", MASK, "output=[masks]", "output_dir=later") == 0
    assert convert("later", forms) == 0
    assert program("video=frames", MASK, forms.replace("[", "[masks,"), "output_dir=whole") == 0
    assert files("later") == files("whole")
    inside = [f"frames/{name}" for name in names]
    assert [one["file_name"] for one in json.loads(Path("later/coco.json").read_text())["images"]] == inside
    assert json.loads(Path("later/ytvis.json").read_text())["videos"][0]["file_names"] == inside
    assert all(f'name="{name}"' in Path("later/cvat_images.xml").read_text() for name in names)


def test_a_run_after_an_interruption_has_whole_forms(program: Program, convert: Program) -> None:
    words = [VIDEO, MASK, f"output=[{','.join([*FORMS, 'matte', 'composite', 'png_alpha'])}]", *FINISH, *NUMBERED]
    assert program(*words, "output_dir=whole") == 0
    import vos.video.pipeline

    step, frames = vos.video.pipeline.track, 0

    def interrupted(*about: object) -> object:
        nonlocal frames
        frames += 1
        if frames == 7:
            raise KeyboardInterrupt
        return step(*about)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vos.video.pipeline, "track", interrupted)
        assert program(*words, "output_dir=out") == 130
    assert files("out") == {}
    assert program(*words, "output_dir=out") == 0
    assert files("out") == files("whole")
    assert program(VIDEO, MASK, "output=[masks,ytvis]", "output_dir=out", "overwrite=true") == 0


def test_several_folders_and_one_that_fails(program: Program, convert: Program, capsys: Capture) -> None:
    for folder in ("a,b", "it's=c"):
        assert program(VIDEO, MASK, "output=masks", f"output_dir={folder}") == 0
    assert convert("a,b", "it's=c", "output=mot") == 0
    assert Path("a,b/mot.txt").read_bytes() == Path("it's=c/mot.txt").read_bytes()
    capsys.readouterr()
    assert convert("a,b", "none", "output=[csv]") == 3
    assert "none: none/summary.json is missing" in capsys.readouterr().err.replace("\n", " ")
    assert Path("a,b/objects.csv").exists()
    assert convert("a,b", "./a,b/", "output=csv") == 0, "the same folder once"
    assert convert("none", "none2", "output=csv") == 2
    assert convert("a,b/objects.csv", "output=csv") == 2
    assert "a,b/objects.csv is a file; give the folder of the results" in capsys.readouterr().err
    assert convert("a,b", "it's=c", "output_dir=x") == 2
    assert convert("a,b", "ouput=csv") == 2
    assert "there is no option ouput; did you mean output or output_dir?" in capsys.readouterr().err


def test_forms_of_two_results_are_not_mixed(program: Program, convert: Program, capsys: Capture) -> None:
    shutil.copy("my clip (1).mp4", "other.mp4")
    assert program(VIDEO, MASK, "output=masks", "output_dir=a") == 0
    assert program(VIDEO, MASK, "output=[masks,coco]", "object_names={3: rex}", "output_dir=b") == 0
    assert program("video=other.mp4", MASK, "output=masks", "output_dir=c") == 0
    assert convert("a", "output=coco", "output_dir=forms") == 0
    before = files("b"), files("forms")
    for one, out in (("a", "b"), ("c", "b"), ("c", "forms")):
        capsys.readouterr()
        assert convert(one, "output=[coco,csv]", f"output_dir={out}") == 2
        told = f"error: output_dir={out} holds other results than {one}; choose another output_dir\n"
        assert capsys.readouterr().err == told
    assert (files("b"), files("forms")) == before
    assert convert("a", "output=[coco,csv]", "output_dir=forms") == 0


def test_what_cannot_be_made_is_one_line(program: Program, convert: Program, capsys: Capture) -> None:
    assert program(VIDEO, MASK, "output=masks", "output_dir=out") == 0
    before = files("out")
    clip = Path("my clip (1).mp4")
    clip.rename("moved.mp4")

    def told(*words: str) -> str:
        capsys.readouterr()
        assert convert(*words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert files("out") == before
        return line

    assert "my clip (1).mp4 does not exist" in told("out", "output=yolo")
    assert convert("out", "output=ytvis") == 0  # needs no pictures
    before = files("out")
    assert convert("out", "output=gif", "video=moved.mp4", "output_dir=gif") == 0
    Path("moved.mp4").write_bytes(Path("moved.mp4").read_bytes() + b"\0")
    assert "moved.mp4 is another video than the one" in told("out", "output=gif", "video=moved.mp4")
    shutil.copy("moved.mp4", clip)
    assert "is another video than the one that these results are of, or was changed" in told("out", "output=overlay")
    assert "choose from masks, overlay" in told("out", "output=[tiff]")
    assert "keeps no soft masks for png_rgba; run it again with keep=alpha" in told("out", "output=[png_rgba]")
    assert "summary.json is missing: there are no finished results in" in told("nowhere")
    (above := Path("all of them")).mkdir()
    for name in "ba":
        shutil.copytree("out", above / name)
    hint = "there are results in all of them/a, ...; give them: python -m vos.convert 'all of them'/*/"
    assert f"all of them/summary.json is missing: {hint}" in told("all of them", "output=csv")
    assert "there are no results; give their folder" in told("output=coco")
    assert "lies where this run would write" in told("out", "output=masks")
    Path("out/mot.txt").write_text("mine")
    before = files("out")
    assert "mot.txt would be replaced, but it is yours: no run of vos wrote it" in told("out", "output=mot")
    Path("out/mot.txt").unlink()
    summary = json.loads(Path("out/summary.json").read_text())
    text = Path("out/summary.json").read_text()
    assert summary["clip"]["digest"] in text
    Path("out/summary.json").write_text(text.replace('"clip": {', '"clap": {'))
    before = files("out")
    assert "is of an older version of vos (0.4.0), which kept too little; run it again" in told("out")
    Path("out/summary.json").write_text(text)
    Path("out/masks/00003.png").unlink()
    before = files("out")
    assert "00003.png is missing or empty; the command that made these results writes it anew" in told("out")
