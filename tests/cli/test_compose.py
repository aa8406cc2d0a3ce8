"""What users type: paths with odd characters, misspelt options, sweeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.cli.compose import compose
from vos.cli.config import RunConfig
from vos.cli.options import choices
from vos.errors import VosError
from vos.option_names import RETIRED, explain_gone


def one(*words: str) -> RunConfig:
    runs = compose(words, "run", RunConfig)
    assert len(runs) == 1
    return runs[0].config


def test_no_words_give_the_dataclass_defaults() -> None:
    assert one() == RunConfig()


@pytest.mark.parametrize(
    "name", ["my clip (1).mp4", "a=b.mp4", "a,b.mp4", "[x].mp4", "{y}.mp4", "it's.mp4", "ö ü.mp4", "001", "1e5", "true"]
)
def test_a_path_works_as_typed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    assert one(f"video={name}", f"ref_mask={name}").video == name
    if not name.isdigit():
        assert one(f"ref_mask={name}").ref_mask == [name]
    assert one(f"video={tmp_path / name}").video == str(tmp_path / name)


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1))
def test_any_text_is_taken_literally(text: str) -> None:
    if text == "null" or text[0] == "~" or (text[0] == text[-1] and text[0] in "'\"" and len(text) > 1):
        return  # written in Hydra's own syntax, or somebody's home
    assert one(f"video={text}").video == text


def test_lists_of_paths_are_quoted_item_by_item() -> None:
    assert one("ref_mask=[my mask (1).png, b.png]", "ref_frame=[0,120]").ref_mask == ["my mask (1).png", "b.png"]
    assert one("ref_mask=[a.png,b.png]", "ref_frame=[0,120]").ref_frame == [0, 120]


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("{1: rex, 2: the ball}", {1: "rex", 2: "the ball"}),
        ("{1: Hündchen, 2: Zoë d'Arc}", {1: "Hündchen", 2: "Zoë d'Arc"}),
        ("{1: 'x, é', 2: 犬}", {1: "x, é", 2: "犬"}),
        ('{"1": rex, "2": "ball"}', {1: "rex", 2: "ball"}),
        ("{1: Hündchen", "{1: Hündchen"),
    ],
)
def test_names_of_objects_are_taken_in_any_letters(typed: str, understood: object) -> None:
    assert one(f"object_names={typed}").object_names == understood


def test_a_sweep_over_a_list_option_gives_lists_of_one() -> None:
    runs = compose(["-m", "ref_mask=a (1).png,b.png", "output=masks,rle"], "run", RunConfig)
    assert [(run.config.ref_mask, run.config.output) for run in runs] == [
        ([mask], [output]) for mask in ("a (1).png", "b.png") for output in ("masks", "rle")
    ]
    runs = compose(["-m", "ref_frame=[0,1],[2]", "output=[masks,rle],[masks]"], "run", RunConfig)
    assert [(run.config.ref_frame, run.config.output) for run in runs] == [
        (frames, output) for frames in ([0, 1], [2]) for output in (["masks", "rle"], ["masks"])
    ]


def test_values_have_the_declared_types() -> None:
    config = one("ref_box=[1,2,3.5,4]", "output=[masks,rle]", "tracker.points=3", "tracker.finetune={steps: 10}")
    assert config.ref_box == [1.0, 2.0, 3.5, 4.0]
    assert config.output == ["masks", "rle"]
    assert one("output=rle").output == ["rle"]
    assert one("output=masks,matte").output == ["masks", "matte"]
    assert config.tracker.points == 3
    assert config.tracker.finetune == {"steps": 10}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("vidoe=a.mp4", "did you mean video"),
        ("momentum=0.9", "tracker.memory.momentum"),
        ("zzz=1", "--help"),
        ("clip.mp4", "name=value"),
        ("tracker=sam2", "persam, published"),
        ("tracker=[[1,2],[3,4]]", "persam, published"),
        ("tracker={a: 1}", "persam, published"),
        ("tracker.points=many", "tracker.points"),
        ("threads=1,2", "-m"),
        ("every=null", "every=null: it cannot be empty; give a value, or leave it out"),
    ],
)
def test_a_mistake_is_answered_by_one_line_with_the_remedy(word: str, message: str) -> None:
    with pytest.raises(VosError) as error:
        compose([word], "run", RunConfig)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("tracker.hypotheses.count=3", "tracker.hypotheses.count is gone since 0.4.0: several histories"),
        ("tracker.zoom.enabled=true", "tracker.zoom.enabled is gone since 0.4.0: .*model.input_size"),
        ("tracker.flips=true", "tracker.flips is gone"),
        ("tracker=reference", "tracker=reference is gone since 0.4.0: write tracker=published"),
        ("method=persam_reference", "write method=persam_published"),
        ("tracker.motion.reach_most=0.3", "write tracker.motion.gate_most=0.3"),
        ("matte_format=mov", "matte_format has another name since 0.4.0; write matte.format=mov"),
        ("tracker.memory.guard=false", "write tracker.memory.background_filter=false"),
    ],
)
def test_an_option_that_is_gone_says_what_to_write(word: str, message: str) -> None:
    told = explain_gone(*word.split("=", 1))
    assert told is not None
    assert re.search(message, told)
    assert "\n" not in told


@pytest.mark.parametrize("word", ["tracker.flipsy=1", "tracker=persam2", "experiment=nope", "method=p2sam"])
def test_what_never_was_an_option_is_not_said_to_be_gone(word: str) -> None:
    assert explain_gone(*word.split("=", 1)) is None


def test_words_that_are_still_understood_are_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tracker.memory.size", "tracker=persam", "tracker.memory.once"):
        monkeypatch.setitem(RETIRED, name, "for good")
    assert one("tracker=persam", "tracker.memory.size=4").tracker.memory.size == 4
    with pytest.raises(VosError, match=r"^tracker.memory.once is gone since 0.4.0: for good$"):
        one("tracker.memory.once=1")
    with pytest.raises(VosError, match="tracker=reference is gone"):
        compose(["-m", "tracker=persam,reference"], "run", RunConfig)


@pytest.mark.parametrize("value", ["abc", "1", "[1,2]", "${video}", "${tracker.motion}"])
def test_a_group_of_options_has_no_value_of_its_own(value: str) -> None:
    with pytest.raises(VosError, match=r"this is a group of options; give them as tracker\.adapt\.enabled="):
        one("video=a.mp4", f"tracker.adapt={value}", "tracker.adapt.enabled=false")
    assert one("tracker.adapt={steps: 3}", "tracker.adapt.enabled=false").tracker.adapt.steps == 3


def test_multirun_gives_every_combination() -> None:
    words = ["-m", "tracker.memory.momentum=0.8,0.9", "tracker=persam,published", "video=x.mp4"]
    runs = compose(words, "run", RunConfig)
    assert [(r.config.tracker.memory.momentum, r.config.tracker.name) for r in runs] == [
        (0.8, "persam"),
        (0.8, "published"),
        (0.9, "persam"),
        (0.9, "published"),
    ]
    assert runs[1].overrides == ("tracker.memory.momentum=0.8", "tracker=published")


def test_every_choice_of_every_group_composes() -> None:
    for group in ("model", "tracker"):
        assert choices(group)
        for name in choices(group):
            assert getattr(one(f"{group}={name}"), group).name == name
