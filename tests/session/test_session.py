"""Objects, prompts and their answers, undo, and the folder that keeps it all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fakes import FRAMES, SIZE, ColourSegmenter, ListSource, Program, square_clip, square_mask
from sessions import corner, current, on_square, tracked

import vos
from vos.sam.nano.network import NanoNetwork, NanoWeights
from vos.sam.nano.segmenter import NanoSegmenter
from vos.session.clip import SessionClip
from vos.session.folder import read_session


def saved_prompts() -> object:
    return json.loads(Path("work/prompts.json").read_text())


def test_the_clip_is_read_in_any_order(session: vos.Session) -> None:
    assert (session.size, session.fps, session.frame_count) == (SIZE, 25.0, FRAMES)
    np.testing.assert_allclose(session.times, np.arange(FRAMES) / 25)
    frames = [session.frame(i) for i in session.frames]
    for i in (11, 10, 9, 3, 0, 8, 5, 4, 11):
        assert (session.frame(i) == frames[i]).all()
    assert len({frame.tobytes() for frame in frames}) == FRAMES
    for wrong in (12, -1, True, 1.5):
        with pytest.raises(vos.VosError, match=rf"there is no frame {wrong}; they have the numbers 0 to 11"):
            session.frame(wrong)  # type: ignore[arg-type]


def test_a_part_of_the_clip_keeps_its_numbers(here: Program) -> None:
    with vos.Session("clip.mp4", "part", model=ColourSegmenter(), start=np.int64(2), end=9, every=3) as session:
        assert list(session.frames) == [2, 5, 8]
        np.testing.assert_allclose(session.times, [0.08, 0.2, 0.32])
        session.add_object()
        session.prompt(5, 1, points=on_square(5))
        assert sorted(tracked(session)) == [2, 5, 8]
        with pytest.raises(vos.VosError, match="there is no frame 4; they have the numbers 2 to 8, every 3"):
            session.result(4)
    with vos.Session.open("part") as session:
        assert list(session.frames) == [2, 5, 8]


def test_an_answer_comes_at_once(session: vos.Session, model: ColourSegmenter) -> None:
    session.prepare(3)
    answer = session.prompt(3, 1, points=[[15, 20], [60, 60]], labels=[1, 0])
    assert model.encoded == 1
    assert (answer.frame, answer.object_id, answer.chosen) == (3, 1, 0)
    assert answer.predicted_iou == pytest.approx(0.9)
    assert answer.mask[20, 15]
    assert not answer.mask[60, 60]
    assert answer.candidates.shape == (3, *SIZE)
    assert session.prompted == [3]
    assert session.prompts_in(3) == {1: {"points": [[15, 20, 1], [60, 60, 0]]}}
    assert (session.answers(3)[1].mask == answer.mask).all()
    assert session.answers(4) == {}


def test_a_prompt_takes_the_place_of_the_one_before(session: vos.Session) -> None:
    session.prompt(3, 1, points=on_square(3))
    session.prompt(3, 1, box=np.array([11, 16, 16, 16]), candidate=2)
    assert saved_prompts() == session.prompts
    assert session.prompts["frames"] == [
        {"frame": 3, "objects": [{"id": 1, "name": "rex", "box": [11, 16, 16, 16], "candidate": 2}]}
    ]
    session.clear(3, 1)
    assert session.prompted == []
    assert not Path("work/prompts.json").exists(), "a file of prompts shows something"


def test_a_brush_mask_is_kept_beside_the_prompts(session: vos.Session) -> None:
    answer = session.prompt(2, 1, mask=corner())
    assert (answer.mask == corner()).all()
    assert answer.predicted_iou == 1
    (path,) = Path("work/drawn").iterdir()
    assert session.prompts_in(2) == {1: {"mask": f"drawn/{path.name}"}}


def test_a_mask_that_was_found_is_refined_by_clicks(session: vos.Session) -> None:
    with pytest.raises(vos.VosError, match="nothing is known of object 1 in frame 5 that could be refined"):
        session.prompt(5, 1, points=on_square(5), refine=True)
    mask = square_mask(5, SIZE).labels > 0
    mask[28:32] = False
    mask[0:4, 0:4] = True
    session.prompt(5, 1, mask=mask)
    answer = session.prompt(5, 1, points=[[16, 30]], refine=True)
    assert answer.mask[28:30, 15:25].all(), "the piece that was clicked is added"
    assert answer.mask[0:4, 0:4].all(), "and nothing else changes"
    assert list(session.prompts_in(5)[1]) == ["mask"]
    tracked(session)
    found = session.result(8)
    assert found is not None
    answer = session.prompt(8, 1, points=[[60, 60]], labels=[0], refine=True)
    assert (answer.mask == found[1].mask).all(), "what is not on it already stays so"
    with pytest.raises(vos.VosError, match="refine=True takes points alone"):
        session.prompt(8, 1, box=[1, 1, 3, 3], refine=True)


def test_a_concept_is_searched_in_the_frame(here: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    model = NanoSegmenter(NanoWeights(NanoNetwork()), input_size=128)
    concept = vos.Concept.from_image(square_clip(1)[0], square_mask(0).labels, model=model)
    monkeypatch.setattr("vos.photos.segmenter.cached_model", lambda name: model)
    with vos.Session("clip.mp4", "work", model=ColourSegmenter()) as session:
        session.add_object()
        monkeypatch.setattr("vos.photos.segmenter.DEFAULT_THRESHOLD", 0.0)
        answer = session.prompt(4, 1, concept=concept)
        found = vos.segment(session.frame(4), concept)
        assert (answer.mask == found.mask).all()
        assert list(session.prompts_in(4)[1]) == ["mask"]
        monkeypatch.setattr("vos.photos.segmenter.DEFAULT_THRESHOLD", 2.0)
        with pytest.raises(vos.VosError, match=r"object is not found in frame 5 \(score 0\.\d\d\); show it by a click"):
            session.prompt(5, 1, concept=concept)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ({}, r"give exactly one of mask, concept, points or a box \(none given\)"),
        ({"points": [[1, 1]], "mask": corner()}, r"give exactly one .* \(mask and points or a box given\)"),
        ({"points": [[500, 1]]}, r"points=\[500, 1, 1\] is not \[x, y\] inside the frame, 128 x 96 pixels|points"),
        ({"points": [[12, 20]], "labels": [1, 0]}, r"labels=\[1, 0\] does not fit 1 points; give 1 or 0 for each"),
        ({"points": [[12, 20]], "labels": [0]}, "all clicks are beside the object"),
        ({"box": [0, 0, 900, 2]}, "box=.* reaches over the edge"),
        ({"mask": np.zeros(SIZE, bool)}, r"shows nothing here: give bool \(96, 128\) \(H, W\), it holds no pixel"),
        ({"mask": np.ones((3, 3), bool)}, r"a mask of shape \(3, 3\) shows nothing here: give bool \(96, 128\)"),
        ({"concept": "missing.concept"}, "missing.concept"),
        ({"points": [[12, 20]], "candidate": 7}, "candidate=7 is no candidate; choose 1, 2 or 3"),
    ],
)
def test_a_wrong_prompt_changes_nothing(session: vos.Session, prompt: dict[str, object], said: str) -> None:
    session.prompt(1, 1, points=on_square(1))
    before = Path("work/session.json").read_bytes()
    with pytest.raises(vos.VosError, match=said):
        session.prompt(1, 1, **prompt)  # type: ignore[arg-type]
    assert Path("work/session.json").read_bytes() == before
    assert session.prompts_in(1) == {1: {"points": [[13, 20]]}}


def test_objects_are_told_apart(session: vos.Session) -> None:
    ball = session.add_object("ball", (255, 0, 1))
    assert (ball.id, ball.name, ball.colour) == (2, "ball", (255, 0, 1))
    assert session.add_object().name == "object_3"
    session.rename(2, "red ball")
    session.recolour(2, (0, 9, 0))
    assert [(each.id, each.name) for each in session.objects] == [(1, "rex"), (2, "red ball"), (3, "object_3")]
    assert session.objects[1].colour == (0, 9, 0)
    session.prompt(0, 1, points=on_square(0))
    session.prompt(0, 2, mask=corner())
    session.prompt(4, 2, mask=corner())
    tracked(session)
    session.remove(2)
    assert session.prompted == [0]
    for wrong, said in (
        (lambda: session.rename(3, "rex"), "object 1 is called rex already; names must differ"),
        (lambda: session.rename(3, "a/b"), "no object can be called 'a/b'"),
        (lambda: session.recolour(3, (1, 2)), r"colour=\(1, 2\) is no colour; give \(red, green, blue\)"),
        (lambda: session.remove(2), "there is no object 2; there are 1, 3"),
        (lambda: session.clear(0, 3), "object 3 is not shown in frame 0; it is in none"),
        (lambda: session.timeline(9), "there is no object 9"),
    ):
        with pytest.raises(vos.VosError, match=said):
            wrong()


def test_steps_are_taken_back_and_done_again(session: vos.Session) -> None:
    assert session.can_undo
    assert not session.can_redo
    session.prompt(0, 1, points=on_square(0))
    first = saved_prompts()
    session.prompt(0, 1, points=[[20, 25]])
    assert session.undo()
    assert saved_prompts() == first
    assert session.undo()
    assert session.undo()
    assert session.objects == ()
    assert not session.undo()
    assert session.redo()
    assert session.redo()
    assert saved_prompts() == first
    session.prompt(5, 1, points=on_square(5))
    assert not session.redo(), "another step was taken instead"
    for _ in range(60):
        session.recolour(1, (1, 2, 3))
    steps = 0
    while session.undo():
        steps += 1
    assert steps == 50


def test_a_session_goes_on_where_it_was_left(session: vos.Session, model: ColourSegmenter) -> None:
    session.prompt(0, 1, points=on_square(0))
    session.prompt(6, 1, mask=corner())
    session.undo()
    tracked(session)
    before = session.result(7)
    session.close()
    session.close()
    with pytest.raises(vos.VosError, match=r"the session is closed; vos.Session.open\('work'\) opens it again"):
        session.add_object()
    with vos.Session("clip.mp4", "work", model=model) as again:
        assert [each.name for each in again.objects] == ["rex"]
        assert current(again) == set(range(FRAMES))
        after = again.result(7)
        assert before is not None
        assert after is not None
        assert (before.labels == after.labels).all()
        assert (before[1].score, before[1].presence) == (after[1].score, after[1].presence)
        assert again.can_redo
        assert tracked(again) == []
    with vos.Session("clip.mp4", "work", model=model, options={"tracker.memory.momentum": 0.5}) as other:
        assert current(other) == set(), "other options, other results"


def test_nobody_else_opens_it_meanwhile(session: vos.Session, clip: Path) -> None:
    with pytest.raises(vos.VosError, match="work is being written by another run"):
        vos.Session.open("work")
    session.close()
    other = Path("other")
    other.mkdir()
    for name in ("a.png", "b.png"):
        from PIL import Image

        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(other / name)
    with pytest.raises(vos.VosError, match=r"work is a session of .*; choose another folder for other"):
        vos.Session("other", "work")
    with pytest.raises(vos.VosError, match="other is no session, but holds something else; choose another folder"):
        vos.Session("clip.mp4", "other")
    with pytest.raises(vos.VosError, match=r"there is no session in nowhere; vos.Session\(video, folder\) makes one"):
        vos.Session.open("nowhere")
    assert not Path("nowhere").exists()
    Path("work/session.json").write_text("{")
    with pytest.raises(vos.VosError, match=r"work/session.json is no session of this version, or damaged"):
        vos.Session.open("work")


def test_live_input_has_no_session() -> None:
    with pytest.raises(vos.VosError, match="list is live; a session needs a video file or a folder of images"):
        SessionClip(ListSource(square_clip(2), is_live=True))


def test_a_timeline_tells_what_is_known(session: vos.Session) -> None:
    session.prompt(4, 1, points=on_square(4))
    tracked(session, start=3, end=7)
    line = session.timeline(1)
    assert list(line.is_current) == [False] * 3 + [True] * 4 + [False] * 5
    assert np.isnan(line.score[[0, 11]]).all()
    assert (line.score[3:7] > 0).all()
    assert line.presence[0] is None
    assert line.presence[4] == "present"
    result = session.result(5)
    assert result is not None
    assert line.area[5] == result[1].mask.sum() > 0
    assert session.result(9) is None
    assert result[1].alpha.shape == SIZE
    checks = session.frames_to_check()
    assert {each.index for each in checks} <= {3, 5, 6}


def test_results_are_written_when_all_hold(session: vos.Session) -> None:
    session.prompt(0, 1, points=on_square(0))
    with pytest.raises(
        vos.VosError, match=r"12 frames have no result that holds, the first is 0; track\(\) them first"
    ):
        session.export("out")
    tracked(session, end=6)
    session.export("out", ["masks"], end=6)
    assert sorted(path.stem for path in Path("out/masks").iterdir()) == [f"{i:05d}" for i in range(6)]
    tracked(session)
    with session.results() as results:
        assert [each.index for each in results] == list(range(FRAMES))
    session.export("best", ["png_alpha"], options={"matte.quality": "best"})
    with pytest.raises(vos.VosError, match=r"there is no option matte\.kind"):
        session.export("wrong", ["matte"], options={"matte.kind": 1})


KILLED = """
import sys, vos
from fakes import ColourSegmenter
with vos.Session("clip.mp4", "killed", model=ColourSegmenter()) as session:
    if not session.objects:
        session.add_object("rex")
    print("ready", flush=True)
    step = len(session.prompted)
    while True:
        step += 1
        session.prompt(step % 12, 1, points=[[12 + step % 12, 20 + step % 8]])
        if step % 5 == 0:
            for progress in session.track():
                pass
"""


def test_whenever_it_is_killed_the_folder_is_whole(here: Program) -> None:
    paths = os.pathsep.join([str(Path(vos.__file__).parents[1]), str(Path(__file__).parents[1] / "support")])
    for wait in (0.05, 0.3):
        command = [sys.executable, "-c", KILLED]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(wait)
            child.send_signal(signal.SIGKILL)
        assert read_session(Path("killed")) is not None
        with vos.Session("clip.mp4", "killed", model=ColourSegmenter()) as session:
            if session.prompted:
                assert json.loads(Path("killed/prompts.json").read_text()) == session.prompts
                tracked(session)
                session.export("resumed", ["masks"])
                assert here("video=clip.mp4", "prompts=killed/prompts.json", "output=masks", "output_dir=run") == 0
                own, theirs = ([p.read_bytes() for p in sorted(Path(f, "masks").iterdir())] for f in ("resumed", "run"))
                assert own == theirs
    leftovers = [path for path in Path("killed").rglob("*") if ".partial" in path.name or ".old" in path.name]
    assert leftovers == []
