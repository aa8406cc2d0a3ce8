"""``python -m vos.run`` with clicks, boxes and files of prompts: masks, pictures, warnings, second runs, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import SIZE, ColourSegmenter, DecoderCall, Program, square_mask
from PIL import Image

import vos.video.build
from vos.io.masks.label_map import read_label_map
from vos.sam.prompting import MaskCandidates

VIDEO = "video=my clip (1).mp4"
GREEN = [100, 70, 10, 10]  # a box on the background
Capture = pytest.CaptureFixture[str]


def prompts(*frames: tuple[int, list[dict[str, object]]], path: str = "first.json") -> str:
    """Writes a file of prompts; returns the option."""
    listed = [{"frame": index, "objects": objects} for index, objects in frames]
    Path(path).write_text(json.dumps({"frames": listed}))
    return f"prompts={path}"


def summary(folder: str = "out") -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(folder, "summary.json").read_text())
    return found


@pytest.mark.parametrize(
    "words",
    [
        ["ref_point=[[15,23],[60,60]]", "ref_point_label=[1,0]"],
        ["ref_point=[15,23]", "ref_point_label=1"],
        ["ref_point=15,23"],
        ["ref_box=[8,16,16,16]", "ref_point=[[15,23]]"],
    ],
)
def test_clicks_and_a_box_on_one_object(program: Program, words: list[str]) -> None:
    assert program(VIDEO, *words, "output=masks", "output_dir=out") == 0
    first = read_label_map("out/masks/00000.png")
    assert (first.labels == square_mask(0, SIZE).labels).mean() > 0.98
    (entry,) = summary()["first_masks"]  # type: ignore[misc]
    area = int((first.labels > 0).sum())
    assert [doubt["kind"] for doubt in entry.pop("doubts")] == ["small"]
    assert entry == {"frame": 0, "id": 1, "name": "object_1", "predicted_iou": 0.9, "area": area, "candidate": 1}


def test_a_file_of_prompts_and_masks(program: Program, capsys: Capture) -> None:
    rex = {"id": 5, "name": "rex", "points": [[15, 23, 1]]}
    word = prompts((0, [rex, {"id": 2, "box": GREEN}]), (9, [{"id": 5, "mask": "mask 9.png"}]))
    assert program(VIDEO, word, "output=masks", "output_dir=out") == 0
    said = capsys.readouterr().out
    assert "prompts: frame 0: 5 = rex (1 click), 2 (box); frame 9: 5 (mask, 256 px)\n" in said
    assert "frame 0, rex: 196 pixels, predicted IoU 0.90" in said
    first = read_label_map("out/masks/00000.png").labels
    assert set(np.unique(first)) == {0, 2, 5}
    assert ((first == 5) == (square_mask(0, SIZE).labels > 0)).mean() > 0.98
    ninth = read_label_map("out/masks/00009.png").labels
    np.testing.assert_array_equal(ninth == 5, square_mask(9, SIZE).labels > 0)
    assert summary()["object_names"] == {"2": "object_2", "5": "rex"}
    assert [(e["frame"], e["id"]) for e in summary()["first_masks"]] == [(0, 5), (0, 2)]  # type: ignore[union-attr, index]


def test_the_content_of_the_file_counts_not_its_time(
    program: Program, models: list[ColourSegmenter], capsys: Capture
) -> None:
    words = [VIDEO, prompts((0, [{"id": 1, "points": [15, 23]}])), "output=masks", "output_dir=out"]
    assert program(*words) == 0
    assert program(*words) == 0
    assert "finished already" in capsys.readouterr().out
    assert models[-1].encoded == 0
    prompts((0, [{"id": 1, "points": [16, 23]}]))
    assert program(*words) == 0
    assert "finished already" not in capsys.readouterr().out
    prompts((0, [{"id": 1, "mask": "mask 0.png"}]))
    assert program(*words) == 0
    Image.fromarray((square_mask(1, SIZE).labels > 0).astype(np.uint8) * 255).save("mask 0.png")
    assert program(*words) == 0
    assert "finished already" not in capsys.readouterr().out


def test_a_later_prompt_keeps_the_frames_before_it(program: Program, capsys: Capture) -> None:
    first, late = (0, [{"id": 1, "points": [15, 23]}]), (9, [{"id": 1, "points": [24, 23]}])
    assert program(VIDEO, prompts(first), "output=masks", "output_dir=out", "both_sides=false") == 0
    capsys.readouterr()
    assert program(VIDEO, prompts(first, late), "output=masks", "output_dir=out", "both_sides=false") == 0
    assert "frames stay as they were tracked" in capsys.readouterr().out
    assert program(VIDEO, prompts(first, late), "output=masks", "output_dir=whole", "both_sides=false") == 0
    for path in Path("whole/masks").iterdir():
        assert path.read_bytes() == Path("out/masks", path.name).read_bytes()


def test_preview_shows_and_follows_nothing(program: Program, models: list[ColourSegmenter], capsys: Capture) -> None:
    words = [VIDEO, "ref_point=[15,23]", "output_dir=out"]
    assert program(*words, "preview=true", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["frames"], found["outputs"]) == ("done", 0, ["out/reference.png"])
    assert sorted(path.name for path in Path("out").iterdir()) == [".vos", "reference.png"]
    assert models[-1].encoded == 1
    assert program(*words) == 0
    assert program(*words, "preview=true") == 0
    assert program(*words) == 0
    assert "finished already" in capsys.readouterr().out, "a preview leaves results as they are"
    for shown in (
        ["ref_mask=mask 5.png", "ref_frame=5"],
        [prompts((2, [{"id": 3, "scribble": [[12, 20], [20, 28]]}]))],
    ):
        assert program(VIDEO, *shown, "preview=true", "output_dir=other") == 0
        assert [path.name for path in Path("other").glob("[!.]*")] == ["reference.png"]


def test_what_stands_in_the_way_of_a_preview_stays(program: Program, capsys: Capture) -> None:
    Path("out").mkdir()
    Path("out/reference.png").write_text("my own")
    assert program(VIDEO, "ref_point=[15,23]", "preview=true", "output_dir=out") == 2
    assert "reference.png would be replaced" in capsys.readouterr().err
    assert Path("out/reference.png").read_text() == "my own"


class Doubtful(ColourSegmenter):
    """Is not sure, and sees something else as well."""

    def respond(self, call: DecoderCall) -> MaskCandidates:
        found = super().respond(call)
        if call.candidates == 1:
            return found
        logits = found.logits.clone()
        logits[:, 1] = -4
        logits[:, 1, :4, :4] = 4
        return MaskCandidates(logits, found.predicted_iou * 0 + found.predicted_iou.new_tensor([0.5, 0.45, 0.1])[None])


def test_a_doubtful_mask_is_told_before_the_work(
    program: Program, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (vos.cli.video, vos.video.build):
        monkeypatch.setattr(module, "load_model", lambda *_, **__: Doubtful())
    words = [VIDEO, "ref_point=[[15,23],[60,60]]", "output=masks", "output_dir=out"]
    assert program(*words, "--json") == 0
    said = capsys.readouterr()
    doubts = json.loads(said.out)["doubts"]
    assert [line.partition(": ")[2].partition(";")[0] for line in doubts] == [
        "the model is not sure of it (predicted IoU 0.50)",
        "the model sees two things in it, of 196 or 255 pixels",
        "1 of 2 clicks are on the wrong side of its outline",
        "it covers only 0.8 cells of what the model sees",
    ]
    assert all(f"warning: {line}" in said.err for line in doubts)
    (entry,) = summary()["first_masks"]  # type: ignore[misc]
    assert [doubt["kind"] for doubt in entry["doubts"]] == ["unsure", "candidates", "clicks", "small"]
    assert program(*words, "ref_candidate=2", "output_dir=second") == 0
    np.testing.assert_array_equal(read_label_map("second/masks/00000.png").labels[:15, :15], 1)


class Other(ColourSegmenter):
    """A second model, which answers prompts otherwise."""

    name = "vit_t"
    made: list[str]


def test_one_model_answers_and_another_follows(
    program: Program, models: list[ColourSegmenter], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    asked: list[tuple[object, ...]] = []

    def load_model(*arguments: object, **named: object) -> Other:
        asked.append((*arguments[:2], named))
        return Other()

    monkeypatch.setattr(vos.video.build, "load_model", load_model)
    words = [VIDEO, "ref_point=[15,23]", "output=masks", "output_dir=out"]
    assert program(*words, "prompt_model=vit_t", "prompt_checkpoint=mobile.pt", "checkpoint=own.pt") == 2
    assert "mobile.pt" in capsys.readouterr().err
    Path("mobile.pt").write_bytes(b"weights")
    assert program(*words, "prompt_model=vit_t", "prompt_checkpoint=mobile.pt") == 0
    assert [(config.name, checkpoint, named) for config, checkpoint, named in asked] == [  # type: ignore[attr-defined]
        ("vit_t", "mobile.pt", {"is_kept": False})
    ]
    assert models[-1].encoded == 12, "the frame of the click was encoded by the other one"
    assert summary()["model"]["name"] == "colour"  # type: ignore[index, call-overload]
    assert program(*words, "prompt_model=vit_t", "prompt_checkpoint=mobile.pt") == 0
    assert "finished already" in capsys.readouterr().out
    Path("mobile.pt").write_bytes(b"other weights")
    assert program(*words, "prompt_model=vit_t", "prompt_checkpoint=mobile.pt") == 0
    assert "finished already" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ref_point=[[15,23],[128,5]]"], "ref_point[1]=[128, 5] is not [x, y] inside the frame, 128 x 96 pixels"),
        (["ref_point=[[15,23],[15,23]]", "ref_point_label=[1,0]"], "is on the object and not on it"),
        (["ref_point=[15,23]", "ref_point_label=0"], "all clicks are beside the object"),
        (["ref_point=[15,23]", "ref_point_label=[1,1]"], "ref_point_label=[1, 1] does not fit 1 click"),
        (["ref_point=[15,23]", "ref_point_label=a"], "ref_point_label"),
        (["ref_point=[15,23]", "ref_candidate=4"], "ref_candidate=4 is outside of 1..3"),
        (
            ["ref_point=[[1,2],[3,4]]", "ref_frame=[0,5]"],
            "takes one frame, not ref_frame=0,5; several frames or objects",
        ),
        (["prompts=none.json"], "prompts=none.json: there is no such file"),
        (["prompts=first.json", "ref_point=[1,2]"], "prompts and ref_point given"),
        (["prompts=behind.json"], "frame 99"),
        (["prompts=twice.json"], "nothing is left of object"),
        (["prompts=named.json"], "are called rex; names must differ"),
        (["prompts=odd.json"], "no object can be called 'a/b'"),
        (["ref_point=[15,23]", "prompt_model=vit_x"], "prompt_model=vit_x is unknown; use one of nano, vit_t"),
        (["ref_point=[15,23]", "prompt_checkpoint=none.pt"], "none.pt"),
        (["concept=rex.concept", "preview=true"], "rex.concept"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    program: Program, words: list[str], message: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vos.sam.registry import load_model

    if any(word.startswith("prompt_") for word in words):
        monkeypatch.setattr(vos.video.build, "load_model", load_model)
    prompts((99, [{"id": 1, "points": [15, 23]}]), path="behind.json")
    prompts((0, [{"id": 1, "points": [15, 23]}, {"id": 2, "points": [16, 23]}]), path="twice.json")
    named = [{"id": i, "name": "rex", "points": [15, 23]} for i in (1, 2)]
    prompts((0, named), path="named.json")
    prompts((0, [{"id": 1, "name": "a/b", "points": [15, 23]}]), path="odd.json")
    assert program(VIDEO, *words, "output_dir=out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert not Path("out").exists()


def test_prompts_and_the_masks_that_they_name_are_never_replaced(program: Program, capsys: Capture) -> None:
    Path("out/masks").mkdir(parents=True)
    Path("mask 0.png").rename("out/masks/00000.png")
    word = prompts((0, [{"id": 1, "mask": "out/masks/00000.png"}]))
    assert program(VIDEO, word, "output_dir=out") == 2
    assert "lies where this run would write" in capsys.readouterr().err


def test_a_box_on_nothing_is_one_line(program: Program, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def nothing(self: ColourSegmenter, call: DecoderCall) -> MaskCandidates:
        found = ColourSegmenter.respond(self, call)
        return MaskCandidates(found.logits * 0 - 1, found.predicted_iou)

    blind = type("Blind", (ColourSegmenter,), {"respond": nothing})
    monkeypatch.setattr(vos.cli.video, "load_model", lambda *_: blind())
    assert program(VIDEO, "ref_box=[40,50,8,8]", "output_dir=out") == 2
    assert "model=colour finds nothing where the object is shown; move the box or the points" in capsys.readouterr().err
    assert not Path("out").exists()
